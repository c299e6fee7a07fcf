package engine

import (
	"context"
	"fmt"
	"strconv"
)

// measures are the technical and organisational measures that this instance
// takes (Art. 32 GDPR), and none that it does not.
func (e *Engine) measures() []string {
	files := "Finished exports"
	if e.Records != nil { // beside a product its files are where it keeps them
		files += " and uploaded files"
	}
	list := append([]string{}, e.Legal.Measures...)
	list = append(list,
		files+" are encrypted with AES-256-GCM, each workspace under a key of its own.",
		fmt.Sprintf("Passwords are kept as bcrypt hashes (cost %d); sessions, API tokens and links as hashes only. A second factor can be turned on.", e.cost()),
		"Every action is in an append-only audit log whose entries are covered by signed checkpoints, so that a change can be proven; names and addresses in it are sealed with the key of the person they are about.",
		"Access is by role (admin, agent, auditor), refused by default, and refusals are logged.",
		"An erasure follows a plan made from the data map, is verified afterwards, and leaves a signed receipt that names nobody; whoever was erased does not come back with a restored backup.",
		"Data may be in "+e.allowedCountries().String()+" alone; what lies elsewhere is refused.",
	)
	if n := len(e.Egress.Providers); n > 0 {
		list = append(list, "Calls of language models go to "+counted(n, "provider")+" with a recorded zero-retention agreement, and neither calls nor answers are kept.")
	}
	return list
}

// ownMeasures are those that a workspace's admins have chosen.
func (e *Engine) ownMeasures(ctx context.Context, workspaceID string) ([]string, error) {
	s, err := e.States.Settings(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	members, factors, err := e.People.MemberCounts(ctx, workspaceID)
	if err != nil {
		return nil, err
	}
	list := []string{strconv.Itoa(factors) + " of " + counted(members, "member") + " use a second factor."}
	if s.Approval {
		list = append(list, "What cannot be undone is approved by a second admin.")
	}
	if len(s.AllowedCountries) > 0 {
		list = append(list, "This workspace's data may be in "+s.AllowedCountries.String()+" alone.")
	}
	return list, nil
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
