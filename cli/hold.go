package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
)

type holdCmd struct {
	Place   holdPlaceCmd   `cmd:"" help:"Place a legal hold on a contact, a conversation, or the workspace where none is named."`
	Release holdReleaseCmd `cmd:"" help:"Lift every legal hold on a contact, a conversation, or the workspace where none is named."`
	List    holdListCmd    `cmd:"" help:"List legal holds, newest first."`
}

// heldFlags name what a hold is on.
type heldFlags struct {
	Folder       `embed:""`
	person       `embed:""`
	Workspace    string   `help:"Workspace, by slug or id." required:""`
	Conversation []string `help:"Conversation; where its key has several columns, all of them." placeholder:"ID" xor:"what" sep:"none"`
}

func (f heldFlags) target() (privacyd.HoldTarget, error) {
	subject, err := f.subject()
	switch {
	case subject != nil:
		return privacyd.HoldTarget{Type: privacyd.HoldSubject, Subject: subject}, nil
	case len(f.Conversation) > 0:
		return privacyd.HoldTarget{Type: privacyd.HoldConversation, Key: f.Conversation}, nil
	default:
		return privacyd.HoldTarget{Type: privacyd.HoldWorkspace}, err
	}
}

type holdPlaceCmd struct {
	heldFlags `embed:""`
	Ground    privacyd.Ground `help:"Ground of Art. 17(3) GDPR: freedom_of_expression, legal_obligation, public_health, archiving or legal_claims." default:"legal_claims" enum:"freedom_of_expression,legal_obligation,public_health,archiving,legal_claims"`
	Reason    string          `help:"Why, for those who review it." required:""`
	Review    day             `help:"When somebody has to look at it again; left out: in a year." placeholder:"DATE"`
	JSON      bool            `help:"Print one JSON object."`
}

func (c *holdPlaceCmd) Run(t *terminal) error {
	target, err := c.target()
	if err != nil {
		return err
	}
	ask := client.NewHold{Target: target, Ground: c.Ground, Reason: c.Reason}
	if review := time.Time(c.Review); !review.IsZero() {
		ask.ReviewAt = review.Format(time.RFC3339Nano)
	}
	return t.with(c.Folder, func(api *client.Client) error {
		h, err := api.PlaceHold(t.ctx, c.Workspace, ask)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(h)
		}
		t.say("Placed a legal hold on %s (%s). It is to be reviewed on %s and does not end by itself.",
			held(h.Target), h.Ground.Article(), privacyd.DayWords(h.ReviewAt))
		_, err = fmt.Fprintln(t.Stdout, h.ID)
		return err
	})
}

// held says what a hold is on.
func held(t privacyd.HoldTarget) string {
	switch {
	case t.Subject != nil:
		return printable(t.Subject.Kind + " " + t.Subject.ID)
	case len(t.Key) > 0:
		return "conversation " + printable(t.Key[len(t.Key)-1])
	default:
		return "the workspace"
	}
}

type holdReleaseCmd struct {
	heldFlags `embed:""`
	Reason    string `help:"Why." placeholder:"TEXT"`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *holdReleaseCmd) Run(t *terminal) error {
	target, err := c.target()
	if err != nil {
		return err
	}
	return t.with(c.Folder, func(api *client.Client) error {
		released, err := api.ReleaseHolds(t.ctx, c.Workspace, target, c.Reason)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(released))
		}
		t.say("Released %s on %s. Erasures that waited for it go on.", count(int64(len(released)), "legal hold"), held(target))
		return nil
	})
}

type holdListCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	Limit     int    `help:"At most so many." default:"50"`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *holdListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		holds, err := upTo(c.Limit, func(cursor string, n int) ([]*privacyd.Hold, string, error) {
			return api.Holds(t.ctx, c.Workspace, cursor, n)
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(holds))
		}
		if len(holds) == 0 {
			return t.none("legal holds")
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tON\tGROUND\tREVIEW\tSTATE\tREASON")
		for _, h := range holds {
			state := "stands"
			if !h.Standing() {
				state = "released " + h.ReleasedAt.UTC().Format(time.DateOnly)
			} else if h.ReviewDue(time.Now()) {
				state = "stands, review due"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, held(h.Target), h.Ground, h.ReviewAt.UTC().Format(time.DateOnly), state,
				strings.ReplaceAll(printable(h.Reason), "\n", " "))
		}
		return w.Flush()
	})
}
