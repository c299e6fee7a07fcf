package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

// person is the flags that name a data subject.
type person struct {
	Contact string `help:"Contact." placeholder:"ID" xor:"what"`
	Subject string `help:"Person of another kind that the data map knows, as customer:42." placeholder:"KIND:ID" xor:"what"`
}

// subject is whom the flags name; nil for nobody. Code subject_invalid.
func (p person) subject() (*privacyd.Subject, error) {
	if p.Contact != "" {
		return &privacyd.Subject{Kind: "contact", ID: p.Contact}, nil
	}
	if p.Subject == "" {
		return nil, nil //nolint:nilnil // nobody is named
	}
	kind, id, ok := strings.Cut(p.Subject, ":")
	if !ok || kind == "" || id == "" {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "subject_invalid", "--subject is KIND:ID, such as customer:42.")
	}
	return &privacyd.Subject{Kind: kind, ID: id}, nil
}

// showPlan prints a plan: sentences, or one JSON object.
func (t *terminal) showPlan(p *client.Plan, asJSON bool) error {
	if asJSON {
		return t.printJSON(p)
	}
	for _, s := range p.Sentences {
		if _, err := fmt.Fprintln(t.Stdout, s); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(t.Stdout, "Hash: %s\n", p.Hash)
	return err
}

// offerPlan prints a plan and how it is confirmed.
func (t *terminal) offerPlan(p *client.Plan, asJSON bool, command string) error {
	if err := t.showPlan(p, asJSON); err != nil || asJSON {
		return err
	}
	switch {
	case p.Runnable() != nil:
		t.say("Nothing was changed. As things are this cannot be confirmed.")
	case doesNothing(p):
		t.say("Nothing was changed.")
	default:
		t.say("Nothing was changed. Within 24 hours, to do it: %s --confirm %s", command, p.Hash)
	}
	return nil
}

// doesNothing tells whether a plan does nothing. A workspace goes even without any
// records.
func doesNothing(p *client.Plan) bool {
	return p.Type != privacyd.JobWorkspaceDeletion && p.Totals.Deleted+p.Totals.Blanked+p.Totals.Files == 0
}

// refused shows, where a confirmation was refused, the plan as it is now.
func (t *terminal) refused(err error, asJSON bool) error {
	var r *client.RefusedPlan
	if errors.As(err, &r) {
		return errors.Join(t.showPlan(r.Plan, asJSON), err)
	}
	return err
}
