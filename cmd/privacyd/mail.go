package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/mail"
)

// check refuses a half-filled configuration.
func (m mailConfig) check(baseURL string) error {
	switch {
	case m.Operator != "" && !isAddress(m.Operator):
		return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid", "mail.operator is no address. Give it as operator@example.com.")
	case m.SMTP == "" && m.From == "":
		return nil
	case m.SMTP == "" || m.From == "":
		return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid", "mail needs both smtp and from.")
	case baseURL == "":
		return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid", "mail needs base_url: the address that people see, which links in mails begin with.")
	}
	_, err := mail.ParseRelay(m.SMTP, m.From)
	return err
}

func isAddress(s string) bool {
	_, err := privacyd.NormalEmail(s)
	return err == nil
}

// mailing is how mails leave: not at all, to a page, or to a mail server.
func (c config) mailing() (engine.Mailing, error) {
	if c.Mail.SMTP == "" && !c.Mail.outbox {
		return engine.Mailing{}, nil
	}
	letters, err := mail.New(c.BaseURL)
	if err != nil || c.Mail.SMTP == "" {
		return engine.Mailing{Letters: letters, Operator: c.Mail.Operator}, err
	}
	relay, err := mail.ParseRelay(c.Mail.SMTP, c.Mail.From)
	return engine.Mailing{Letters: letters, Post: relay, Operator: c.Mail.Operator}, err
}

// handleMails tells the runner who sends mails and who says when.
func (i *instance) handleMails() {
	i.runner.Handle(engine.WorkMail, i.engine.RunMail, 2)
	i.runner.Handle(engine.WorkReset, i.engine.RunReset, 1)
	i.runner.Handle(engine.WorkNotice, i.engine.RunNotice, 1)
	i.runner.Handle(engine.WorkRemind, i.engine.RunRemind, 1)
	i.runner.Handle(engine.WorkProposed, i.engine.RunProposed, 1)
	i.runner.Handle(engine.WorkAnnounce, i.engine.RunAnnounce, 1)
	i.runner.Handle(engine.WorkAgreement, i.engine.RunAgreement, 1)
	i.runner.Handle(engine.WorkHoldReview, i.engine.RunHoldReview, 1)
}

// tryingOut tells whether mails may be kept for a page: only where nobody but
// this machine comes.
func tryingOut(o cli.ServeOptions, c config) bool {
	u, err := url.Parse(c.BaseURL)
	if err != nil || o.BehindProxy || !(o.Sample || o.Dev) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}

// firstLink makes the link by which the first person begins; empty when there
// is somebody already.
func firstLink(ctx context.Context, i *instance, cfg config) (string, error) {
	secret, err := i.engine.CreateFirstLink(ctx, privacyd.System("start"))
	if errors.Is(err, &privacyd.Error{Code: "first_start_over"}) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("make the link for the first person: %w", err)
	}
	return cfg.BaseURL + engine.FirstPath(secret), nil
}

// greetPeople says how the first person gets in, and where mails go.
func greetPeople(i *instance, cfg config, begin string, o cli.ServeOptions) {
	switch i.engine.MailState() {
	case engine.MailKept:
		fmt.Fprintf(o.Out, "Mails are not sent but kept here: %s/outbox/%s\n", cfg.BaseURL, i.engine.OutboxKey())
	case engine.MailOff:
		fmt.Fprintln(o.Out, "WARNING: no mail is configured (mail.smtp, mail.from): nobody can be invited or set a new password by mail, and nobody is told.")
	}
	if begin != "" {
		fmt.Fprintf(o.Out, "\nNobody has an account here yet. Begin (the link works once, for a week):\n\n    %s\n\n", begin)
	}
}
