package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/mail"
	"github.com/privacyd/privacyd/store/sqldb"
)

// lookPatience is how long each other machine may take to be looked at.
const lookPatience = 20 * time.Second

// outside looks at the other machines that are called: the mail server and the
// databases. Buckets are looked at with the places.
func (x examiner) outside(ctx context.Context) []privacyd.Check {
	var checks []privacyd.Check
	if x.cfg.Mail.SMTP != "" {
		checks = append(checks, x.relay(ctx)...)
	}
	addresses := map[string]string{"database": x.cfg.Database}
	names := []string{"database"}
	for _, d := range x.cfg.Datasets {
		for key, address := range map[string]string{"": d.Database, ".read_replica": d.ReadReplica} {
			name := "datasets." + d.Name + key
			addresses[name], names = address, append(names, name)
		}
	}
	for _, name := range names {
		if isPostgres(addresses[name]) {
			checks = append(checks, examineServer(ctx, name, addresses[name])...)
		}
	}
	for _, l := range x.cfg.LLM {
		if l.Key == "" {
			checks = append(checks, privacyd.Warning("llm."+l.Provider+".key", "There is no API key for provider "+l.Provider+": every call is refused.",
				"Set llm[].key in the configuration to a variable that holds it, such as $OPENAI_API_KEY."))
		}
	}
	for _, s := range x.i.engine.Sightings() {
		if s.CertificateEnd != nil {
			checks = append(checks, examineEnd("certificate."+s.Use, "The certificate of the object store of "+s.Use, *s.CertificateEnd, now()))
		}
	}
	return checks
}

// relay connects to the mail server as if to send.
func (x examiner) relay(ctx context.Context) []privacyd.Check {
	const name = "mail.relay"
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	r, err := mail.ParseRelay(x.cfg.Mail.SMTP, x.cfg.Mail.From)
	if err != nil {
		return []privacyd.Check{privacyd.Problem(name, privacyd.MessageOf(err), "Correct mail.smtp and mail.from.")}
	}
	r.Patience = lookPatience
	end, err := r.Probe(ctx)
	switch {
	case err != nil:
		return []privacyd.Check{privacyd.Problem(name, privacyd.MessageOf(err), "Mails wait and are tried again for three days. See whether the server runs, and whether its name, port, user and password are right.")}
	case end.IsZero():
		return []privacyd.Check{privacyd.OK(name, "The mail server on this machine answers.")}
	}
	return []privacyd.Check{
		privacyd.OK(name, "The mail server answers over TLS, and takes us as who we say we are."),
		examineEnd("certificate.mail", "The mail server's certificate", end, now()),
	}
}

// examineServer looks at a PostgreSQL server's certificate. A server on this
// machine may have none.
func examineServer(ctx context.Context, name, address string) []privacyd.Check {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	end, err := sqldb.CertificateEnd(ctx, address)
	switch {
	case err != nil:
		return []privacyd.Check{privacyd.Problem("certificate."+name, privacyd.MessageOf(err), "See whether the server of "+name+" runs, and whether its address is right.")}
	case end.IsZero():
		return nil
	}
	return []privacyd.Check{examineEnd("certificate."+name, "The certificate of the PostgreSQL server of "+name, end, now())}
}

// examineEnd says when a certificate ends.
func examineEnd(name, what string, end, at time.Time) privacyd.Check {
	text := fmt.Sprintf("%s ends on %s.", what, privacyd.DayWords(end))
	switch {
	case !at.Before(end):
		return privacyd.Problem(name, text, "Renew it: it is not believed any more.")
	case end.Sub(at) < privacyd.CertificateNoticed:
		return privacyd.Warning(name, text, "Renew it, and see why that did not happen by itself.")
	}
	return privacyd.OK(name, text)
}

// examineCertificate looks at the server's own certificate; none where a proxy
// has it, or nobody does.
func examineCertificate(f *folder, cfg config) []privacyd.Check {
	const name, what = "certificate", "The server's own certificate"
	switch c := cfg.TLS; {
	case !c.on():
		return nil
	case c.ACME != nil:
		return examineIssued(f.path("acme", c.ACME.Host), c.ACME.Host, now())
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLS.Cert, cfg.TLS.Key)
	if err != nil {
		return []privacyd.Check{privacyd.Problem(name, "The files of tls.cert and tls.key cannot be used together. A server that runs keeps the certificate that it had.",
			"Put the certificate and its own key there, as PEM. The next start is refused until then.")}
	}
	if begin := pair.Leaf.NotBefore; now().Before(begin) {
		return []privacyd.Check{privacyd.Problem(name, what+" is valid from "+privacyd.DayWords(begin)+" on only.", "See whether this machine's clock is right. Until then use another one: browsers refuse it.")}
	}
	return append(examineName(pair, cfg), examineEnd(name, what, pair.Leaf.NotAfter, now()))
}

// examineIssued looks at a certificate that an authority gave. Such a one is
// renewed by itself, at its time: it may live for days only.
func examineIssued(path, host string, at time.Time) []privacyd.Check {
	const name = "certificate"
	c, err := firstCertificate(path)
	if err != nil {
		return []privacyd.Check{privacyd.Warning(name, "There is no certificate for "+host+" yet.", "It is asked for when the server starts, and again and again. The server's log says what is in the way.")}
	}
	text := "The server's own certificate ends on " + privacyd.DayWords(c.NotAfter) + "."
	switch {
	case !at.Before(c.NotAfter):
		return []privacyd.Check{privacyd.Problem(name, text, "It was not renewed. The server's log says what is in the way.")}
	case isLate(c, at):
		return []privacyd.Check{privacyd.Warning(name, text, "It should have been renewed by now. The server's log says what is in the way.")}
	}
	return []privacyd.Check{privacyd.OK(name, text)}
}

// firstCertificate is the first one in a file.
func firstCertificate(path string) (*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, os.ErrNotExist
}

// examineFileClock compares this machine's clock with that of the data folder's
// file system, which may be another machine's.
func examineFileClock(f *folder) privacyd.Check {
	const name = "clock.files"
	file, err := os.CreateTemp(f.dir, "clock-*.tmp")
	if err != nil {
		return privacyd.Problem(name, "A file cannot be made in the data folder.", "See whether the disk is full, and whether the folder is this user's.")
	}
	defer os.Remove(file.Name()) //nolint:errcheck // it is empty
	info, err := file.Stat()
	_ = file.Close() // nothing was written
	if err != nil {
		return privacyd.Problem(name, "A file in the data folder cannot be looked at.", "See whether the disk can be used.")
	}
	skew := info.ModTime().Sub(now()).Abs()
	text := fmt.Sprintf("The clocks of this machine and of the data folder's file system differ by %s. No time server was asked.", skew.Round(10*time.Millisecond))
	if skew > skewNoticed {
		return privacyd.Warning(name, text, "Set both clocks by NTP.")
	}
	return privacyd.OK(name, text)
}
