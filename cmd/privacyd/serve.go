package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/rest"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
)

const (
	headerPatience = 10 * time.Second
	idlePatience   = 2 * time.Minute
	stopPatience   = 20 * time.Second
)

// Serve runs the server until ctx ends.
func (h host) Serve(ctx context.Context, o cli.ServeOptions) error {
	f, err := openFolder(o.Data)
	if err != nil {
		return err
	}
	defer f.close()
	cfg, err := readConfig(o.Folder)
	if err != nil {
		return err
	}
	if err := checkListen(o, cfg); err != nil {
		return err
	}
	if err := checkProxy(o, cfg); err != nil {
		return err
	}
	if cfg.grace, err = readGrace(o.Dev); err != nil {
		return err
	}
	if cfg.Database == "" {
		owner, err := f.own()
		if err != nil {
			return err
		}
		if !owner {
			return f.errInUse()
		}
	} else if o.Dev {
		return privacyd.Errorf(privacyd.ClassInvalid, "dev_refused", "--dev is refused on PostgreSQL: it is not safe.")
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	catchStray(log)
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return privacyd.Errorf(privacyd.ClassUnavailable, "address_in_use", "Cannot listen on %s: %w. Choose another address with --listen.", o.Listen, err)
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL, cfg.guessed = cfg.address(l), cfg.TLS.ACME == nil
	}
	cfg.Mail.outbox = tryingOut(o, cfg)
	i, err := h.open(ctx, f, cfg, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return errors.Join(h.serve(ctx, f, cfg, i, l, o), i.close())
}

// checkListen keeps plain HTTP on the machine: cookies and tokens would travel
// in the clear.
func checkListen(o cli.ServeOptions, cfg config) error {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "listen_invalid", "--listen is HOST:PORT, such as 127.0.0.1:8080.")
	}
	ip := net.ParseIP(host)
	if host == "localhost" || (ip != nil && ip.IsLoopback()) || o.BehindProxy || cfg.TLS.on() {
		return nil
	}
	return privacyd.Errorf(privacyd.ClassInvalid, "tls_required",
		"Plain HTTP is served on loopback addresses only. Give a certificate with tls in the configuration file, "+
			"or put a proxy that terminates TLS in front and say so with --behind-proxy.")
}

// address is where the listener is reached.
func (c config) address(l net.Listener) string {
	switch {
	case c.TLS.ACME != nil:
		return "https://" + c.TLS.ACME.Host
	case c.TLS.on():
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

// serve runs everything until ctx ends or one part fails.
func (h host) serve(ctx context.Context, f *folder, cfg config, i *instance, l net.Listener, o cli.ServeOptions) error {
	trusted, err := cfg.trusted()
	if err != nil {
		return err
	}
	api := rest.New(i.engine, rest.Options{Version: h.version, BaseURL: cfg.BaseURL})
	agents := h.agents(i, cfg)
	defer agents.Close()
	public := newServer(h.pages(i, api, agents, cfg, trusted), ctx, i.engine.Log)
	config, beside, err := cfg.TLS.server(f.path("acme"), i.engine.Log)
	if err != nil {
		return err
	}
	public.TLSConfig = config
	i.listening = listening{address: l.Addr(), tls: public.TLSConfig}
	servers := []*http.Server{public}
	listeners := []net.Listener{l}
	if f.lock != nil {
		own, err := f.listen()
		if err != nil {
			return err
		}
		server := newServer(commands(api, agents), rest.WithOperator(ctx, osUser()), i.engine.Log)
		server.RegisterOnShutdown(agents.Close)
		servers, listeners = append(servers, server), append(listeners, own)
	}
	if err := i.engine.LookAtHeldMails(ctx, ""); err != nil {
		return err
	}
	endAudit := i.keepAudit(ctx)
	defer endAudit()
	if err := h.greet(ctx, i, cfg, cfg.address(l), o); err != nil && ctx.Err() == nil { // stopped while it greets: it stops as ever
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	for n, s := range servers {
		running.Go(func() { stop(serveOn(s, listeners[n])) })
	}
	running.Go(func() { beside(ctx) })
	running.Go(func() { stop(i.runner.Run(ctx)) })
	running.Go(func() { i.every(ctx, surveyEvery, i.engine.Survey) })
	<-ctx.Done()
	err = shutdown(servers)
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, http.ErrServerClosed) {
		err = errors.Join(err, cause)
	}
	return err
}

func newServer(h http.Handler, ctx context.Context, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerPatience, IdleTimeout: idlePatience, ErrorLog: newServerLog(log),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
}

// shutdown lets requests end, but not for ever.
func shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	var err error
	for _, s := range servers {
		if e := s.Shutdown(ctx); e != nil {
			err = errors.Join(err, s.Close())
		}
	}
	return err
}

// greet prints where the server is.
func (h host) greet(ctx context.Context, i *instance, cfg config, address string, o cli.ServeOptions) error {
	if err := warnOfOwner(ctx, i); err != nil {
		return err
	}
	begin, err := "", error(nil)
	if !o.Sample {
		if begin, err = firstLink(ctx, i, cfg); err != nil {
			return err
		}
	}
	if o.Dev {
		fmt.Fprintln(o.Out, "NOT SAFE: --dev is for trying things out.")
	}
	fmt.Fprintf(o.Out, "privacyd %s listens on %s\n", h.version, address)
	if cfg.BaseURL != address {
		fmt.Fprintf(o.Out, "People see it at %s\n", cfg.BaseURL)
	}
	if strings.HasPrefix(cfg.BaseURL, "https://") && !cfg.TLS.on() && len(cfg.TrustedProxies) == 0 {
		fmt.Fprintln(o.Out, "WARNING: no trusted_proxies are configured: every visitor has the proxy's address, in the audit log and for the limit on signing in.")
	}
	if o.Sample {
		if err := h.sample(ctx, i, cfg, o); err != nil {
			return err
		}
	}
	greetPeople(i, cfg, begin, o)
	return nil
}

// warnOfOwner says when the server could rewrite the audit log, so that
// whoever takes it over could.
func warnOfOwner(ctx context.Context, i *instance) error {
	over, err := store.Overreach(ctx, i.asked.db)
	if err == nil && len(over) > 0 {
		i.engine.Log.WarnContext(ctx, "the server's role in PostgreSQL may do more with the audit log than add to it. "+
			"Give it a role of its own: privacyd migrate --database OWNER_DSN --grant ROLE", "rights", over)
	}
	return err
}

// Migrate makes or updates the tables in PostgreSQL, and gives the role grant
// what a server needs of them.
func (h host) Migrate(ctx context.Context, dsn, grant string) error {
	db, err := sqldb.OpenPostgres(ctx, dsn)
	if err != nil {
		return err
	}
	err = migrate(ctx, db)
	if err == nil && grant != "" {
		err = store.Grant(ctx, db, grant)
	}
	return errors.Join(err, db.Close())
}

// CheckMap compares a map with a live database, or checks a map alone.
func (h host) CheckMap(ctx context.Context, o cli.CheckOptions) ([]cli.MapReport, error) {
	return checkMap(ctx, o)
}
