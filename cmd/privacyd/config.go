package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/vault/keyservice"
)

// config is the file of --config. Every key may be left out; flags and
// variables win over it. $NAME and ${NAME} in addresses stand for variables of
// the environment, so that secrets stay out of the file.
type config struct {
	Database string          `yaml:"database"` // privacyd's own state; empty: the folder's SQLite
	Keys     keysConfig      `yaml:"keys"`
	Ledger   string          `yaml:"ledger"` // folder or URL of what must not be restored with the database
	Audit    auditConfig     `yaml:"audit"`
	Datasets []datasetConfig `yaml:"datasets"`
	Blobs    blobsConfig     `yaml:"blobs"`
	Places   []placeConfig   `yaml:"places"`
	Allowed  countryList     `yaml:"allowed_countries"` // ISO codes, or EEA; empty: EEA
	LLM      []llmConfig     `yaml:"llm"`
	Mail     mailConfig      `yaml:"mail"`
	BaseURL  string          `yaml:"base_url"` // what links begin with
	TLS      tlsConfig       `yaml:"tls"`
	Legal    legalConfig     `yaml:"legal"` // whom people write to about data

	TrustedProxies []string `yaml:"trusted_proxies"` // addresses and ranges whose X-Forwarded-For is believed

	grace   time.Duration // of deletions; 0: the product's own
	guessed bool          // base_url is but what the listener is bound to
}

type keysConfig struct {
	Root  string `yaml:"root"`  // file of the root key, or the key service that wraps it
	Store string `yaml:"store"` // folder or URL of the wrapped keys
}

type auditConfig struct {
	Wait        string `yaml:"wait"`         // how long a call waits for the checkpoint over what it did, as 5s
	VisitorDays string `yaml:"visitor_days"` // how long after its month the log knows the addresses of who is nobody known

	wait, visitors time.Duration
}

type mailConfig struct {
	SMTP string `yaml:"smtp"` // smtps://user:password@host, or smtp://host:587 with STARTTLS
	From string `yaml:"from"` // whom mails are from

	Operator string `yaml:"operator"` // who is told what nobody else can see to

	outbox bool // without smtp they are kept, to be read on a page
}

type datasetConfig struct {
	Name        string `yaml:"name"`
	Map         string `yaml:"map"` // file, relative to the configuration
	Database    string `yaml:"database"`
	ReadReplica string `yaml:"read_replica"` // exports read here when set
	Place       string `yaml:"place"`
}

type blobsConfig struct {
	Exports string            `yaml:"exports"` // folder or URL
	Files   map[string]string `yaml:"files"`   // bucket of a map → folder or URL
}

// readConfig reads the file named by the command, if any, and fills in what
// it leaves out. Code config_invalid.
func readConfig(o cli.Folder) (config, error) {
	var c config
	if o.Config != "" {
		raw, err := os.ReadFile(o.Config)
		if err != nil {
			return c, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
				"The configuration file cannot be read: %w. Check the path given with --config.", err)
		}
		if err := decodeConfig(raw, &c); err != nil {
			return c, privacyd.Errorf(privacyd.ClassInvalid, "config_invalid", "%s: %s. See docs/deployment.md for every key.", o.Config, err)
		}
		c.placeBeside(o.Config)
	}
	if o.Database != "" {
		c.Database = o.Database
	}
	for name, key := range c.variables() {
		if value := os.Getenv(name); value != "" {
			*key = value
		}
	}
	if err := c.Audit.parse(); err != nil {
		return c, err
	}
	if err := checkBaseURL(c.BaseURL); err != nil {
		return c, err
	}
	if err := c.Mail.check(c.BaseURL); err != nil {
		return c, err
	}
	if err := c.Legal.check(); err != nil {
		return c, err
	}
	return c.withDefaults(o.Data), nil
}

// variables of the environment that win over the file.
func (c *config) variables() map[string]*string {
	return map[string]*string{
		"PRIVACYD_KEYS_ROOT": &c.Keys.Root, "PRIVACYD_KEYS_STORE": &c.Keys.Store,
		"PRIVACYD_LEDGER": &c.Ledger, "PRIVACYD_AUDIT_WAIT": &c.Audit.Wait, "PRIVACYD_AUDIT_VISITOR_DAYS": &c.Audit.VisitorDays, "PRIVACYD_BASE_URL": &c.BaseURL,
		"PRIVACYD_MAIL_SMTP": &c.Mail.SMTP, "PRIVACYD_MAIL_FROM": &c.Mail.From,
		"PRIVACYD_MAIL_OPERATOR": &c.Mail.Operator, "PRIVACYD_LEGAL_NAME": &c.Legal.Name, "PRIVACYD_LEGAL_EMAIL": &c.Legal.Email,
		"PRIVACYD_LEGAL_ADDRESS": &c.Legal.Address,
	}
}

// parse reads the durations. Code config_invalid.
func (a *auditConfig) parse() (err error) {
	const usual, longest, mostDays = 5 * time.Second, time.Minute, 3650
	if a.VisitorDays != "" {
		days, err := strconv.Atoi(a.VisitorDays)
		if err != nil || days < 1 || days > mostDays {
			return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
				"audit.visitor_days (PRIVACYD_AUDIT_VISITOR_DAYS) is no number of days from 1 to %d. Leave it out for 90.", mostDays)
		}
		a.visitors = time.Duration(days) * 24 * time.Hour
	}
	if a.wait = usual; a.Wait == "" {
		return nil
	}
	if a.wait, err = time.ParseDuration(a.Wait); err != nil || a.wait < 0 || a.wait > longest {
		return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
			"audit.wait (PRIVACYD_AUDIT_WAIT) is no time from 0s to 1m. Give it as 5s, or leave it out.")
	}
	return nil
}

// placeBeside makes relative paths those of the configuration file's folder.
func (c *config) placeBeside(file string) {
	paths := []*string{&c.Keys.Root, &c.Keys.Store, &c.Ledger, &c.Blobs.Exports, &c.TLS.Cert, &c.TLS.Key}
	if c.TLS.ACME != nil {
		paths = append(paths, &c.TLS.ACME.Roots)
	}
	for i := range c.Datasets {
		paths = append(paths, &c.Datasets[i].Map, &c.Datasets[i].Database, &c.Datasets[i].ReadReplica)
	}
	for _, p := range paths {
		*p = beside(file, *p)
	}
	for bucket, p := range c.Blobs.Files {
		c.Blobs.Files[bucket] = beside(file, p)
	}
}

func decodeConfig(raw []byte, c *config) error {
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return explainYAML(err)
	}
	var missing []string
	expand := func(s string) string {
		return os.Expand(s, func(name string) string {
			value, ok := os.LookupEnv(name)
			if !ok {
				missing = append(missing, name)
			}
			return value
		})
	}
	for _, address := range c.addresses() {
		*address = expand(*address)
	}
	for bucket, address := range c.Blobs.Files {
		c.Blobs.Files[bucket] = expand(address)
	}
	if len(missing) > 0 {
		return fmt.Errorf("the variable %s is not set", strings.Join(missing, ", "))
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return c.check()
}

var goType = regexp.MustCompile(` (?:not found )?in type main\.\w+`)

// explainYAML says what is wrong in the file's own words.
func explainYAML(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "construct errors: ")
	return errors.New(goType.ReplaceAllString(text, " is no key of the configuration"))
}

// check refuses what would be passed over otherwise.
func (c *config) check() error {
	if scheme, _, ok := strings.Cut(c.Keys.Root, "://"); ok && scheme != "file" && !keyservice.Is(c.Keys.Root) {
		return fmt.Errorf("keys.root at %s:// is not supported; give a file's path, awskms:// or hashivault://", scheme)
	}
	if scheme, _, ok := strings.Cut(c.Keys.Store, "://"); ok && scheme != "file" && scheme != "s3" {
		return fmt.Errorf("keys.store at %s:// is not supported; give a folder or s3://", scheme)
	}
	for _, d := range c.Datasets {
		if d.Name == "" || d.Map == "" || d.Database == "" {
			return errors.New("a dataset needs name, map and database")
		}
		if d.Place != "" && !slices.ContainsFunc(c.Places, func(p placeConfig) bool { return p.Name == d.Place }) {
			return fmt.Errorf("dataset %s is at the place %s, which is not among places", d.Name, d.Place)
		}
	}
	if err := c.TLS.check(); err != nil {
		return err
	}
	return c.checkPlaces()
}

func (c *config) addresses() []*string {
	list := []*string{&c.Database, &c.Keys.Root, &c.Keys.Store, &c.Ledger, &c.Blobs.Exports, &c.Mail.SMTP, &c.BaseURL, &c.TLS.Cert, &c.TLS.Key}
	if c.TLS.ACME != nil {
		list = append(list, &c.TLS.ACME.Directory, &c.TLS.ACME.Roots)
	}
	for i := range c.Datasets {
		list = append(list, &c.Datasets[i].Map, &c.Datasets[i].Database, &c.Datasets[i].ReadReplica)
	}
	for i := range c.LLM {
		list = append(list, &c.LLM[i].URL, &c.LLM[i].Key)
	}
	return list
}

func (c config) withDefaults(data string) config {
	fallback := func(s *string, path ...string) {
		*s = strings.TrimPrefix(*s, "file://")
		if *s == "" {
			*s = filepath.Join(append([]string{data}, path...)...)
		}
	}
	fallback(&c.Keys.Root, "keys", "root.key")
	fallback(&c.Keys.Store, "keys", "store")
	fallback(&c.Ledger, "ledger")
	fallback(&c.Blobs.Exports, "blobs")
	return c
}

func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) || strings.Contains(path, "://") {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}
