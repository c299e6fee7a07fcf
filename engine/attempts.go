package engine

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
)

// tryKind names something that can be guessed at, or done too often.
type tryKind string

const (
	tryPassword    tryKind = "password"     // of an account, whether it exists or not
	tryBrowser     tryKind = "browser"      // of an account, from a browser that it was used in
	tryAddress     tryKind = "address"      // from one address, on any account
	tryCode        tryKind = "code"         // of an account's second factor
	tryReset       tryKind = "reset"        // mails to one address
	tryResetAddres tryKind = "reset_origin" // mails asked for from one address
	tryInvite      tryKind = "invite"       // mails from one workspace
)

// limit says how often something may be tried: so many times at once; then
// after a pause that doubles with each time. One is forgotten in each span of
// drain.
type limit struct {
	free                  int
	first, longest, drain time.Duration
}

var limits = map[tryKind]limit{
	tryPassword:    {free: 5, first: 30 * time.Second, longest: time.Hour, drain: time.Hour},
	tryBrowser:     {free: 10, first: 30 * time.Second, longest: time.Hour, drain: time.Hour},
	tryAddress:     {free: 30, first: time.Minute, longest: time.Hour, drain: 2 * time.Minute},
	tryCode:        {free: 5, first: time.Minute, longest: time.Hour, drain: time.Hour},
	tryReset:       {free: 3, first: 15 * time.Minute, longest: 24 * time.Hour, drain: 4 * time.Hour},
	tryResetAddres: {free: 10, first: 5 * time.Minute, longest: 24 * time.Hour, drain: 15 * time.Minute},
	tryInvite:      {free: 100, first: time.Minute, longest: time.Hour, drain: 10 * time.Minute},
}

// next counts one more try at now.
func (l limit) next(a privacyd.Attempts, now time.Time) privacyd.Attempts {
	if gone := now.Sub(a.At); gone > 0 {
		a.N = max(a.N-int(min(gone/l.drain, time.Duration(a.N))), 0)
	}
	a.N++
	a.At, a.Until = now, now
	if over := a.N - l.free; over > 0 {
		a.Until = now.Add(min(l.first<<min(over-1, 20), l.longest))
	}
	return a
}

// trial is something that is tried, on whom or from where. Of that only a
// keyed hash is kept.
type trial struct {
	kind tryKind
	hash []byte
}

func (e *Engine) trial(kind tryKind, who string) trial {
	return trial{kind, e.Signer.Sign([]byte("privacyd attempts\n" + string(kind) + "\n" + who))}
}

// fromAddress is a trial by the caller's address: none where there is none.
// Whoever has one IPv6 address has a whole network of them.
func (e *Engine) fromAddress(kind tryKind, c privacyd.Caller) []trial {
	ip, err := netip.ParseAddr(c.IP)
	if err != nil {
		return nil
	}
	who := ip.Unmap().String()
	if ip.Unmap().Is6() {
		who = netip.PrefixFrom(ip, 64).Masked().String()
	}
	return []trial{e.trial(kind, who)}
}

// take counts a try before it is made, so that a crowd of them at once cannot
// all be first. Code too_many_attempts, and then nothing is counted; it is
// audited as a refusal of action. What just ran into its limit is audited as
// attempts.lock, about whom.
func (e *Engine) take(ctx context.Context, c privacyd.Caller, action privacyd.Action, whom privacyd.Target, trials ...trial) error {
	wait, locked := time.Duration(0), false
	err := e.Tx.InTx(ctx, func(ctx context.Context) (err error) {
		wait, locked, err = e.count(ctx, trials)
		if err != nil || !locked {
			return err
		}
		_, err = e.record(ctx, privacyd.AuditEvent{Caller: c, Action: "attempts.lock", Outcome: privacyd.OutcomeDone, Target: whom})
		return err
	})
	if err != nil || wait <= 0 {
		return err
	}
	refusal := errTooMany(wait)
	err = e.recordRefusal(ctx, privacyd.AuditEvent{Caller: c, Action: string(action), Outcome: privacyd.OutcomeDenied, Code: refusal.Code, Target: whom})
	if err != nil {
		return err
	}
	return refusal
}

// count counts one more of each, unless one of them has to wait. All take the
// rows in one order.
func (e *Engine) count(ctx context.Context, trials []trial) (wait time.Duration, locked bool, err error) {
	now := e.Now()
	trials = slices.Clone(trials)
	slices.SortFunc(trials, func(a, b trial) int { return bytes.Compare(a.hash, b.hash) })
	next := make([]privacyd.Attempts, len(trials))
	for i, t := range trials {
		a, err := e.People.LockAttempts(ctx, t.hash)
		if err != nil {
			return 0, false, err
		}
		wait = max(wait, min(a.Until.Sub(now), limits[t.kind].longest)) // a clock that was put back locks nobody out
		next[i] = limits[t.kind].next(a, now)
		locked = locked || next[i].N == limits[t.kind].free+1
	}
	if wait > 0 {
		return wait, false, nil
	}
	for i, t := range trials {
		if err := e.People.PutAttempts(ctx, t.hash, next[i]); err != nil {
			return 0, false, err
		}
	}
	return 0, locked, nil
}

// giveBack takes tries back that turned out right: all of an account's, one of
// an address's, since others may come from there.
func (e *Engine) giveBack(ctx context.Context, trials ...trial) error {
	trials = slices.Clone(trials)
	slices.SortFunc(trials, func(a, b trial) int { return bytes.Compare(a.hash, b.hash) })
	for _, t := range trials {
		a, err := e.People.LockAttempts(ctx, t.hash)
		if err != nil {
			return err
		}
		if t.kind == tryAddress {
			a.N, a.Until = max(a.N-1, 0), e.Now()
		} else {
			a = privacyd.Attempts{At: e.Now(), Until: e.Now()}
		}
		if err := e.People.PutAttempts(ctx, t.hash, a); err != nil {
			return err
		}
	}
	return nil
}

func errTooMany(wait time.Duration) *privacyd.Error {
	return privacyd.Errorf(privacyd.ClassLimited, "too_many_attempts",
		"Too many attempts. Try again in %s.", waitWords(wait)).Because(privacyd.Later(wait))
}

// waitWords rounds a wait up to words.
func waitWords(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d > unit.of || unit.of == time.Second {
			if n := int((d + unit.of - 1) / unit.of); n != 1 {
				return strconv.Itoa(n) + " " + unit.name + "s"
			}
			return "1 " + unit.name
		}
	}
	return ""
}

// forgetOldPeople forgets, daily, what was kept of people's coming and going
// and serves nothing any more.
func (e *Engine) forgetOldPeople(ctx context.Context) error {
	const day = 24 * time.Hour
	now := e.Now()
	return e.People.DeleteOldPeople(ctx, privacyd.PeopleAges{
		Attempts: now.Add(-14 * day), Browsers: now.Add(-400 * day), Invitations: now.Add(-14 * day), Requests: now.Add(-day), KeptMails: now.Add(-7 * day),
	})
}
