package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
)

func at(part string) string { return "/w/" + slug + "/" + part }

// pagesOf lists what is asked for. The plain statements are those that somebody
// would write who wants just these rows.
func pagesOf(job string, last map[string]string) []asked {
	const contact = "SELECT id, name, email, phone, company FROM contacts WHERE workspace_id = $1 "
	talks := "SELECT id, channel, status, created_at FROM conversations WHERE workspace_id = $1 AND contact_id = 'contact-0' ORDER BY created_at DESC LIMIT 11"
	said := "SELECT id, direction, body, created_at FROM messages WHERE workspace_id = $1 AND conversation_id = 'talk-0' ORDER BY created_at, id LIMIT 101"
	due := "SELECT count(*) FROM conversations WHERE workspace_id = $1 AND status = 'resolved' AND last_message_at < 1"
	log := "SELECT id, action FROM audit_entries WHERE log = $1 ORDER BY seq DESC LIMIT 50"
	pages := []asked{
		{"contacts", at("contacts"), contact + "ORDER BY lower(substr(coalesce(name, ''), 1, 100)), id LIMIT 26", timeBar},
		{"search of a surname", at("contacts?q=person1234"), contact + "AND id = 'contact-1234'", searchBar},
		{"search of an e-mail address", at("contacts?q=person1234%40users.example.org"), contact + "AND id = 'contact-1234'", searchBar},
		{"search of what many have", at("contacts?q=Ana"), contact + "AND lower(substr(coalesce(name, ''), 1, 100)) >= 'ana' LIMIT 21", searchBar},
		{"search inside of names", at("contacts?q=erson123"), contact + "AND name LIKE '%erson123%' LIMIT 21", searchBar},
		{"search of nobody", at("contacts?q=nobody-has-this"), contact + "AND name LIKE '%nobody-has-this%' LIMIT 21", searchBar},
		{"search of nobody, letters beyond ASCII", at("contacts?q=Zo%C3%AB+Nob%C3%B6dy"), "", searchBar},
		{"contact", at("contact?id=contact-1234"), contact + "AND id = 'contact-1234'", timeBar},
		{"contact with 1,000 conversations", at("contact?id=contact-0"), talks, timeBar},
		{"conversation of 12,000 messages", at("contact/conversation?conversation=talk-0"), said, timeBar},
		{"the last of 12,000 messages", at("contact/conversation?conversation=talk-0&after=" + last["messages"]), said, timeBar},
		{"the last of 1,000 conversations", at("contact/conversations?id=contact-0&after=" + last["conversations"]), talks, timeBar},
		{"plan of deleting a contact", at("delete-contact?kind=contact&id=contact-1234"), contact + "AND id = 'contact-1234'", timeBar},
		{"plan of deleting who has 1,000 talks", at("delete-contact?kind=contact&id=contact-0"), "", timeBar},
		{"data & privacy", at("data-privacy"), "", timeBar},
		{"what is stored", at("sizes"), "SELECT count(*) FROM messages WHERE workspace_id = $1", timeBar},
		{"retention", at("retention"), "", timeBar},
		{"retention: the effect now", at("retention?effect"), due, timeBar},
		{"retention: the effect of a choice", at("retention?choice=90"), due, timeBar},
		{"plan of deleting by date: nothing", at("bulk?before=2001-01-01"), due, timeBar},
		{"plan of deleting by date: the first week", at("bulk?before=" + day(-393)), "", 0},
		{"plan of deleting by date: half of all", at("bulk?before=" + day(-200)), "SELECT count(*) FROM messages WHERE workspace_id = $1", 0},
		{"holds", at("holds"), "", timeBar},
		{"plan of deleting the workspace", at("delete-workspace"), "SELECT count(*) FROM messages WHERE workspace_id = $1", 0},
		{"jobs", at("jobs"), "SELECT id, type, state FROM jobs WHERE workspace_id = $1 ORDER BY id DESC LIMIT 50", timeBar},
		{"jobs: deletions that have ended", at("jobs?kind=deletions&state=ended"), "", timeBar},
		{"a job", job, "", timeBar},
		{"receipts", at("receipts"), "", timeBar},
		{"members", at("members"), "", timeBar},
		{"where data lives", at("residency"), "", timeBar},
		{"audit log", at("audit"), log, timeBar},
		{"audit log of today", at("audit?from=" + day(0) + "&until=" + day(0)), log, timeBar},
		{"audit log of one action", at("audit?action=hold.place"), log, timeBar},
		{"audit log of one target", at("audit?target=17"), log, timeBar},
		{"audit log of nobody", at("audit?actor=nobody"), log, timeBar},
		{"workspaces", "/workspaces", "", timeBar},
		{"my account", "/account", "", timeBar},
		{"security", "/account/security", "", timeBar},
		{"sub-processors", "/legal/sub-processors", "", timeBar},
		{"REST documentation", "/docs", "", timeBar},
	}
	for _, sort := range orders() {
		first := asked{"contacts by " + sort, at("contacts?sort=" + sort), "", timeBar}
		end := asked{"the last contacts by " + sort, at("contacts?sort=" + sort + "&after=" + last[sort]), "", timeBar}
		pages = append(pages, first, end)
	}
	return pages
}

// day is a day so many days from now, as addresses have it.
func day(from int) string { return time.Now().UTC().AddDate(0, 0, from).Format(time.DateOnly) }

// orders are all those in which contacts are listed.
func orders() []string {
	return []string{"name", "-name", "email", "-email", "created_at", "-created_at", "id", "-id"}
}

// expressions are what the lists are sorted by, as records/search.go has it.
func expressions(d sqldb.Dialect) map[string]string {
	bytewise := ""
	if d == sqldb.Postgres {
		bytewise = ` COLLATE "C"`
	}
	return map[string]string{
		"name": "lower(substr(coalesce(name, ''), 1, 100))" + bytewise, "email": "lower(substr(coalesce(email, ''), 1, 100))" + bytewise,
		"created_at": "coalesce(created_at, 0)", "id": "id",
	}
}

// pages finds where the last page of each list begins, and lists all that is
// asked for.
func (s *site) pages(ctx context.Context, job string) ([]asked, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // it was only read
	last := map[string]string{}
	find := func(name, by, from string, shown int, way string) error {
		var key, id string
		query := fmt.Sprintf("SELECT CAST(%[1]s AS TEXT), id FROM %[2]s ORDER BY %[1]s %[3]s, id %[3]s LIMIT 1 OFFSET %[4]d", by, from, way, shown)
		if err := db.QueryRow(ctx, query, s.workspace.ID).Scan(&key, &id); err != nil {
			return fmt.Errorf("find the last page of %s: %w", name, err)
		}
		text := []byte(id)
		if by != "id" {
			if text, err = json.Marshal(map[string]string{"k": key, "i": id}); err != nil {
				return err
			}
		}
		last[name] = url.QueryEscape(base64.RawURLEncoding.EncodeToString(text))
		return nil
	}
	for name, by := range expressions(db.Dialect) {
		for sort, way := range map[string]string{name: "DESC", "-" + name: ""} { // from the other end
			if err := find(sort, by, "contacts WHERE workspace_id = $1", 25, way); err != nil {
				return nil, err
			}
		}
	}
	if err := find("messages", "created_at", "messages WHERE workspace_id = $1 AND conversation_id = 'talk-0'", 100, "DESC"); err != nil {
		return nil, err
	}
	err = find("conversations", "created_at", "conversations WHERE workspace_id = $1 AND contact_id = 'contact-0'", 10, "")
	return pagesOf(job, last), err
}

// backdate has the policy be in force for the last half of the conversations,
// so that it has an effect.
func (s *site) backdate(ctx context.Context) error {
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what matters was committed
	_, err = db.Exec(ctx, "UPDATE retention_policies SET from_at = from_at - $2 WHERE workspace_id = $1", s.workspace.ID, int64(200*24*time.Hour/time.Microsecond))
	return err
}
