package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

const tokensShown = 25

// tokensView is the page "API tokens".
type tokensView struct {
	Tokens  []privacyd.Token
	At      pager
	Label   string
	Scopes  []string // that are chosen
	Problem problem
	Done    string
	Gone    bool // the token that a form is about
}

// newTokenView is the page that shows a token once.
type newTokenView struct {
	Token  privacyd.Token
	Secret string
}

// tokensDone says what was done, by the word in the address.
func tokensDone(word string) string {
	const revoked = "The token is revoked. Programs that use it are refused from now on."
	switch word {
	case "revoked":
		return revoked
	case "revoked" + uncovered:
		return revoked + uncoveredWords
	default:
		return ""
	}
}

func (d *door) tokenRoutes() map[string]action {
	return map[string]action{
		"GET /w/{workspace}/tokens":                 d.tokensPage,
		"POST /w/{workspace}/tokens":                d.createToken,
		"POST /w/{workspace}/tokens/{token}/revoke": d.revokeToken,
	}
}

func (d *door) tokensPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	return d.showTokens(w, r, v, http.StatusOK, tokensView{Done: tokensDone(r.URL.Query().Get("done"))})
}

func (d *door) showTokens(w http.ResponseWriter, r *http.Request, v visit, status int, view tokensView) error {
	order := newSorting(r.URL.Query(), "sort", "-made", "label", "made", "used")
	order.Path = workspacePath(v.workspace.Slug, "tokens")
	view.At = newPager(r.URL.Query(), order, "tokens", "after")
	var err error
	view.Tokens, err = readPage(&view.At, tokensShown, func(part privacyd.PageQuery) (privacyd.Page[privacyd.Token], error) {
		return d.engine.TokensPage(r.Context(), v.caller, v.workspace.ID, part)
	})
	if err != nil {
		return err
	}
	var makers []string
	for _, t := range view.Tokens {
		makers = append(makers, t.CreatedBy)
	}
	title := "API tokens"
	if view.Problem.Code != "" {
		title += ": please check"
	}
	p := d.page(r, v, title)
	if p.People, err = d.people(r, v, makers...); err != nil {
		return err
	}
	return d.show(w, r, status, tokensPageOf(p, view))
}

// createToken makes a token and shows it, once.
func (d *door) createToken(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	label, scopes := r.PostForm.Get("label"), r.PostForm["scope"]
	actions := make([]privacyd.Action, len(scopes))
	for i, s := range scopes {
		actions[i] = privacyd.Action(s)
	}
	token, secret, err := d.engine.CreateToken(r.Context(), v.caller, v.workspace.ID, label, actions)
	if err == nil {
		return d.show(w, r, http.StatusOK, newTokenPageOf(d.page(r, v, "Your new token"), newTokenView{Token: token, Secret: secret}))
	}
	wrong := problem{Message: privacyd.MessageOf(err), Code: privacyd.CodeOf(err)}
	switch wrong.Code {
	case "label_invalid":
		wrong.Field = "label"
	case "scope_unknown":
		wrong.Field, wrong.Message = "scope", "Choose at least one thing that the token may do."
	default:
		return err
	}
	return d.showTokens(w, r, v, http.StatusUnprocessableEntity, tokensView{Label: label, Scopes: scopes, Problem: wrong})
}

func (d *door) revokeToken(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enterForm(r)
	if err != nil {
		return err
	}
	audited, err := d.engine.RevokeToken(r.Context(), v.caller, v.workspace.ID, r.PathValue("token"))
	if privacyd.CodeOf(err) == "token_not_found" {
		return d.showTokens(w, r, v, http.StatusNotFound, tokensView{Gone: true})
	}
	if err != nil {
		return err
	}
	return redirect(w, r, workspacePath(v.workspace.Slug, "tokens")+"?done="+doneAs("revoked", audited))
}

func (v tokensView) chosen(a privacyd.Action) bool { return slices.Contains(v.Scopes, string(a)) }

// scopeLabels are what a token may do, in words.
func scopeLabels(t privacyd.Token) string {
	labels := make([]string, len(t.Scopes))
	for i, a := range t.Scopes {
		labels[i] = actionLabel(a)
	}
	return strings.Join(labels, " · ")
}
