package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// What is wrong with a checkpoint, or with how epochs follow each other.
const (
	noteUnreadable = "a checkpoint cannot be read"
	noteForeign    = "a checkpoint's origin is not one that this product gives"
	noteOtherKey   = "a checkpoint was signed with another key than the one given"
	noteOtherLog   = "a checkpoint is another log's or another epoch's"
	noteBad        = "the signature of a checkpoint does not hold"
	notConnected   = "the epoch does not begin with the entry that names the epoch before it"
	misquoted      = "what the export says of the end of the epoch is not what the next epoch says"
	wrongSigned    = "it says that somebody was erased, and its signature is not one of this key for this entry"
	notSigned      = "it says that somebody was erased, and is not signed: whoever could write to the database could add it, and it excuses nothing"
	signedTwice    = "the log has this erasure's entry twice"
	epochUnnamed   = "the instance's log names a checkpoint of an epoch that is not there"
	epochGone      = "an earlier checkpoint is of an epoch that is not there"
)

// maxSize is how many entries a log may claim to have: what computes proofs
// does not come to an end with far more.
const maxSize = 1 << 60

// run is one verification on its way.
type run struct {
	o       Options
	r       *Report
	log     string
	named   bool // which log it is, is known
	since   []earlier
	noted   []earlier // that the instance's own log names
	epochs  []*epoch  // as they are begun
	current *epoch
	erased  erasures
	signed  map[string]bool // ids of the erasures that are signed
	total   int64           // entries that the checkpoints say there are
}

// earlier is a checkpoint that the auditor noted.
type earlier struct {
	checkpoint
	log   string
	epoch int
}

// newRun reads the options. ErrSince, auditlog.ErrKey.
func newRun(form string, o Options) (*run, error) {
	if auditlog.VerifierKey(o.Key, "x") == "" {
		return nil, auditlog.ErrKey
	}
	u := &run{o: o, r: newReport(form, o)}
	for _, note := range o.Since {
		e, err := readEarlier(note, o)
		if err != nil {
			return nil, err
		}
		u.since = append(u.since, e)
	}
	return u, nil
}

func readEarlier(note []byte, o Options) (earlier, error) {
	if len(note) > maxNote {
		return earlier{}, fmt.Errorf("%w: it is too long", ErrSince)
	}
	origin, _, _, err := auditlog.ReadCheckpoint(note)
	if err != nil {
		return earlier{}, fmt.Errorf("%w: %w", ErrSince, err)
	}
	_, log, number, err := auditlog.ParseOrigin(origin)
	if err != nil {
		return earlier{}, fmt.Errorf("%w: %w", ErrSince, err)
	}
	size, root, err := auditlog.ParseCheckpoint(note, o.Key, origin)
	if err == nil && size > maxSize {
		err = auditlog.ErrCheckpoint
	}
	if err != nil {
		return earlier{}, fmt.Errorf("%w: %w", ErrSince, err)
	}
	return earlier{newCheckpoint(note, origin, size, root), log, number}, nil
}

// of says which log is verified. Earlier checkpoints must be the same log's.
func (u *run) of(ctx context.Context, log string) error {
	u.log, u.r.Log, u.named = log, log, true
	for _, e := range u.since {
		if e.log != log {
			return fmt.Errorf("%w: it is one of the log %s, and this is the log %s", ErrSince, auditlog.LogName(e.log), auditlog.LogName(log))
		}
	}
	return u.instance(ctx)
}

// checkpoint reads a checkpoint that claims to be one of this log and epoch,
// and finds out who signed it. What it says is used even so: it shows what
// else is wrong.
func (u *run) checkpoint(note []byte, number int) (checkpoint, bool) {
	var c checkpoint
	if len(note) > maxNote {
		u.r.noted(Malformed, number, noteUnreadable)
		return c, false
	}
	origin, size, root, err := auditlog.ReadCheckpoint(note)
	if err != nil || size > maxSize {
		u.r.noted(Malformed, number, noteUnreadable)
		return c, false
	}
	c = newCheckpoint(note, origin, size, root)
	fingerprint, log, epoch, err := auditlog.ParseOrigin(origin)
	switch {
	case err != nil:
		u.r.noted(SignatureBad, number, noteForeign)
		return c, false
	case fingerprint != auditlog.Fingerprint(u.o.Key):
		u.r.noted(KeyWrong, number, noteOtherKey)
		return c, false
	case u.named && log != u.log || epoch != number:
		u.r.noted(SignatureBad, number, noteOtherLog)
		return c, false
	}
	switch _, _, err = auditlog.ParseCheckpoint(note, u.o.Key, origin); {
	case errors.Is(err, auditlog.ErrOtherKey):
		u.r.noted(KeyWrong, number, noteOtherKey)
	case errors.Is(err, auditlog.ErrCheckpoint):
		u.r.noted(Malformed, number, noteUnreadable)
	case err != nil:
		u.r.noted(SignatureBad, number, noteBad)
	}
	return c, err == nil
}

// begin makes an epoch ready for its hashes. next is what the epoch after it
// says of it; nil: nothing.
func (u *run) begin(number int, note []byte, older [][]byte, next *auditlog.Ended) *epoch {
	head, ok := u.checkpoint(note, number)
	e := newEpoch(u.r, number, head, u.tell)
	e.proven = ok
	if ok {
		e.signs(head)
	}
	u.total += head.size
	for _, note := range older {
		if c, ok := u.checkpoint(note, number); ok {
			e.pin(c, olderPin)
			e.signs(c)
		}
	}
	for _, s := range u.since {
		if s.epoch == number {
			e.pin(s.checkpoint, sincePin)
			e.signs(s.checkpoint)
		}
	}
	e.pinAll(u.notedOf(number, head.size), notedPin)
	if x := endedBy(next); x != nil {
		e.end(x)
	}
	u.epochs = append(u.epochs, e)
	return e
}

// notedOf gives the checkpoints that the instance's log names of an epoch; of
// those that cover more than there is, the largest.
func (u *run) notedOf(number int, size int64) (list []checkpoint) {
	var most checkpoint
	for _, s := range u.noted {
		switch {
		case s.epoch != number:
		case s.size <= size:
			list = append(list, s.checkpoint)
		case s.size > most.size:
			most = s.checkpoint
		}
	}
	if most.known {
		list = append(list, most)
	}
	return list
}

func endedBy(next *auditlog.Ended) *ended {
	if next == nil {
		return nil
	}
	root, err := tlog.ParseHash(base64Of(next.Root))
	if err != nil {
		return nil
	}
	return &ended{checkpoint{size: next.Size, root: root, known: true}, next.Found}
}

// tell takes a leaf that explains what is missing.
func (u *run) tell(e *epoch, index int64, leaf []byte) {
	switch string(readLeaf(leaf).action) {
	case auditlog.ActionCheckpoint:
		if u.o.named != nil {
			u.o.named.note(publicOf(leaf))
		}
		return
	case auditlog.ActionErased:
	default:
		return
	}
	switch why := u.unsigned(e, index, leaf); {
	case why != "":
		u.r.found(ErasureUnsigned, e.number, index, why)
	case !u.erased.add(publicOf(leaf)):
		u.r.found(Malformed, e.number, index, wrongExcuse)
	}
}

// unsigned says why an erasure's entry is not to be believed: whoever may add
// rows could have written it. Versions that did not sign them wrote some that
// are believed: those before the first that is signed, and before the entry
// from which on the checkpoints say that all are.
func (u *run) unsigned(e *epoch, index int64, leaf []byte) string {
	signed, err := auditlog.CheckErasure(leaf, u.o.Key)
	switch {
	case err != nil:
		return wrongSigned
	case !signed && (len(u.signed) > 0 || e.allSigned && index >= e.signedFrom):
		return notSigned
	case !signed:
		return ""
	}
	id := string(readLeaf(leaf).id)
	if u.signed[id] {
		return signedTwice
	}
	if u.signed == nil {
		u.signed = map[string]bool{}
	}
	u.signed[id] = true
	return ""
}

// finish says what can be said once everything was read.
func (u *run) finish() *Report {
	slices.SortFunc(u.epochs, func(a, b *epoch) int { return a.number - b.number })
	for i, e := range u.epochs {
		e.cut = i+1 < len(u.epochs) && u.epochs[i+1].number > e.number+1
		e.finish()
	}
	for _, e := range u.epochs {
		u.connect(e)
	}
	u.unheard()
	u.unheardNoted()
	u.erased.judge(u.r, u.epochs)
	if u.o.Progress != nil {
		u.o.Progress(u.r.Entries, u.total)
	}
	return u.r
}

func (u *run) epoch(number int) *epoch {
	i := slices.IndexFunc(u.epochs, func(e *epoch) bool { return e.number == number })
	if i < 0 {
		return nil
	}
	return u.epochs[i]
}

// connect looks at what the first entry of an epoch says of the one before.
func (u *run) connect(e *epoch) {
	if e.number == 1 || !e.begun {
		return
	}
	var number int
	var said auditlog.Ended
	ok := e.first != nil && string(readLeaf(e.first).action) == auditlog.ActionEpoch
	if ok {
		number, said, ok = auditlog.ParseEnded(publicOf(e.first))
	}
	x := endedBy(&said)
	switch before := u.epoch(e.number - 1); {
	case !ok || number != e.number-1 || x == nil:
		u.r.found(Forked, e.number, 0, notConnected)
	case before == nil && x.size > 0:
		u.r.Losses = append(u.r.Losses, Loss{Epoch: number, From: 0, To: x.size - 1})
	case before != nil && (before.ended == nil || *before.ended != *x):
		u.r.noted(Forked, number, misquoted)
	}
}

// unheard finds earlier checkpoints of epochs that are not there.
func (u *run) unheard() {
	for _, s := range u.since {
		if u.epoch(s.epoch) != nil || s.size == 0 || u.declaredLost(s) {
			continue
		}
		u.r.add(Finding{Code: Truncated, Epoch: s.epoch, From: 0, To: s.size - 1, Detail: epochGone})
	}
}

// unheardNoted is unheard of what the instance's log names.
func (u *run) unheardNoted() {
	newest := map[int]earlier{}
	for _, s := range u.noted {
		if u.epoch(s.epoch) == nil && s.size > newest[s.epoch].size && !u.declaredLost(s) {
			newest[s.epoch] = s
		}
	}
	for _, number := range slices.Sorted(maps.Keys(newest)) {
		u.r.add(Finding{Code: Truncated, Epoch: number, From: 0, To: newest[number].size - 1, Detail: epochUnnamed})
	}
}

// declaredLost tells whether an epoch that is not there was named by the one
// after it.
func (u *run) declaredLost(s earlier) bool {
	return slices.ContainsFunc(u.r.Losses, func(l Loss) bool { return l.Epoch == s.epoch && s.size <= l.To+1 })
}

func (u *run) progress() {
	if u.o.Progress == nil {
		return
	}
	var done int64
	for _, e := range u.epochs {
		done += e.entries
	}
	u.o.Progress(done, u.total)
}
