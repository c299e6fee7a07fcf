package records

import (
	"context"
	"strings"

	"github.com/privacyd/privacyd"
)

var errNoRecord = privacyd.Errorf(privacyd.ClassNotFound, "record_not_found", "There is no such record.")

// collection finds a collection for a caller. Code collection_unknown.
func collection(name string) (*Collection, error) {
	if c := Find(name); c != nil {
		return c, nil
	}
	f := unknownCollection(name)
	return nil, privacyd.Errorf(privacyd.ClassNotFound, f.code, "%s", sentence(f.what))
}

// sentence makes a flaw's text stand alone.
func sentence(what string) string {
	what = strings.ToUpper(what[:1]) + what[1:]
	if strings.HasSuffix(what, "?") {
		return what
	}
	return what + "."
}

func refuse(f *flaw) error {
	return privacyd.Errorf(privacyd.ClassInvalid, f.code, "%s", sentence(f.what))
}

// Upsert writes one record, which replaces the one with that id, and gives it
// as it is stored now. The body is the record in the import format; its id may
// be left out. It is one transaction, or part of the one in ctx.
//
// Attachments are written by Attach. Codes: collection_unknown, those of an
// import's records, reference_missing.
func (s *Store) Upsert(ctx context.Context, ws, name, id string, body []byte) ([]byte, error) {
	c, err := collection(name)
	if err != nil {
		return nil, err
	}
	if c.Name == "attachments" {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "attachment_has_content", "An attachment is written together with its content. Upload it.")
	}
	r, err := c.decode(id, body)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = s.DB.InTx(ctx, func(ctx context.Context) error {
		accounts, err := s.accountsOf(ctx, ws, c, r)
		if err != nil {
			return err
		}
		if err := s.checkAuthor(ctx, ws, c, r); err != nil {
			return err
		}
		if err := s.write(ctx, ws, c, []*row{r}, accounts, nil); err != nil {
			return err
		}
		out, err = s.get(ctx, ws, c, id)
		return err
	})
	return out, err
}

// decode checks one record by itself.
func (c *Collection) decode(id string, body []byte) (*row, error) {
	if len(body) > MaxRecord {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "record_too_large", "The record is larger than 16 MiB.")
	}
	given, err := withID(id, string(body))
	if err != nil {
		return nil, refuse(err)
	}
	sc := &scanner{s: given}
	r, err := c.parse(sc)
	if err == nil {
		err = sc.end()
	}
	if err != nil {
		return nil, refuse(err)
	}
	if r.id() != id {
		return nil, refuse(&flaw{"id_mismatch", "the record's id is not the one that is addressed. Leave it out, or correct it"})
	}
	return r, nil
}

// withID adds the id to a record that has none.
func withID(id, body string) (string, *flaw) {
	for _, given := range []string{id, body} {
		if f := checkText(given); f != nil {
			return "", f
		}
	}
	sc := &scanner{s: body}
	has, members := false, 0
	if err := sc.object(func(key string) *flaw {
		has, members = has || key == "id", members+1
		return sc.value(0)
	}); err != nil {
		return "", err
	}
	if has {
		return body, nil
	}
	b := append([]byte(`{"id":`), appendText(nil, id)...)
	if members > 0 {
		b = append(b, ',')
	}
	return string(b) + strings.TrimSpace(body)[1:], nil
}

// accountsOf finds the accounts that one record names.
func (s *Store) accountsOf(ctx context.Context, ws string, c *Collection, r *row) (map[string]string, error) {
	accounts := map[string]string{}
	for i, f := range c.Fields {
		v := &r.values[i]
		if f.Kind != Account || v.state != inner {
			continue
		}
		if !strings.Contains(v.s, "@") {
			known, err := s.known(ctx, ws, theAccount, []string{v.s})
			if err != nil {
				return nil, err
			}
			if !known[v.s] {
				return nil, refuse(flawOfLink(theAccount, f))
			}
			continue
		}
		normal, err := privacyd.NormalEmail(v.s)
		if err != nil {
			return nil, err
		}
		v.state, v.s = email, normal
		if err := s.resolve(ctx, []Author{{Email: normal}}, accounts); err != nil {
			return nil, err
		}
		if accounts[normal] == "" {
			v.nameNobody(f)
		}
	}
	return accounts, nil
}

// checkAuthor checks that an inbound message's author is its contact.
func (s *Store) checkAuthor(ctx context.Context, ws string, c *Collection, r *row) error {
	if author := c.value(r, "author_id"); c.Name != "messages" || author.state != textual || author.s == DeletedUser {
		return nil
	}
	conversation := c.value(r, "conversation_id").s
	known, err := s.known(ctx, ws, theAuthor, []string{conversation})
	if err != nil {
		return err
	}
	if !known[pair(conversation, c.value(r, "author_id").s)] {
		return refuse(flawOfLink(theAuthor, nil))
	}
	return nil
}
