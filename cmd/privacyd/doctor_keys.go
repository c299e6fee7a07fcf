package main

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/vault/keyservice"
)

// changingLong is from when on a change of keys is no more thought to be about
// to end by itself.
const changingLong = privacyd.Day

// keyAges looks at the ages of keys, and at changes that do not come to an end.
func (x examiner) keyAges(ctx context.Context) []privacyd.Check {
	const name = "keys.age"
	l, err := x.i.engine.ListKeys(ctx, privacyd.System("doctor"))
	if err != nil {
		return []privacyd.Check{privacyd.Problem(name, "The keys cannot be looked at: "+privacyd.MessageOf(err), "See whether the key store can be read and is whole.")}
	}
	return []privacyd.Check{examineAge(name, l, now()), examineChange(l, now())}
}

func examineAge(name string, l engine.KeyList, at time.Time) privacyd.Check {
	old := 0
	for _, k := range append([]privacyd.WorkspaceKey{l.Instance}, l.Workspaces...) {
		if isOld(k.MadeAt, at) {
			old++
		}
	}
	switch {
	case isOld(l.Root.MadeAt, at):
		return privacyd.Warning(name, fmt.Sprintf("The root key is %d days old.", int(at.Sub(l.Root.MadeAt)/privacyd.Day)),
			"Change it, and the others with it: privacyd key rotate --all. Nothing has to stop.")
	case old > 0:
		return privacyd.Warning(name, fmt.Sprintf("%d keys of workspaces, or the instance's own, are older than a year.", old),
			"Change them: privacyd key rotate --workspace W, or --all. Nothing has to stop.")
	case l.Root.MadeAt.IsZero():
		return privacyd.OK(name, "The root key is from before its age was noted; no other key is known to be older than a year.")
	}
	return privacyd.OK(name, "No key is older than a year.")
}

func isOld(made, at time.Time) bool { return !made.IsZero() && at.Sub(made) > privacyd.KeyOld }

func examineChange(l engine.KeyList, at time.Time) privacyd.Check {
	const name = "keys.change"
	if l.Root.Changing && at.Sub(l.Root.MadeAt) > changingLong {
		return privacyd.Warning(name, "The root key was changed, and the former one still opens everything: the new one is not what is configured.",
			"Put the place that the change was made to into keys.root for every server and start them again, or give each machine the new file.")
	}
	for _, k := range append([]privacyd.WorkspaceKey{l.Instance}, l.Workspaces...) {
		if k.Changing && at.Sub(k.MadeAt) > changingLong {
			return privacyd.Warning(name, "A change of a workspace's key does not come to its end.", "See that a server runs; its log says what is in the way. Or give the command again.")
		}
	}
	return privacyd.OK(name, "No change of keys waits for anything.")
}

// examineService stands for the root key's file where a key service has it.
func examineService(address string) privacyd.Check {
	return privacyd.OK("keys.root", "The root key is wrapped by the key service on "+keyservice.Host(address)+".")
}
