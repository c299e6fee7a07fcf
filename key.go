package privacyd

import "time"

// RootKey tells of the key that wraps all others. It never holds a key.
type RootKey struct {
	Kept       string    `json:"kept" enum:"file,aws_kms,vault_transit,local,memory" doc:"Where it is kept: in a file, or wrapped by a key service."`
	Generation int       `json:"generation" doc:"Grows with each change."`
	MadeAt     time.Time `json:"made_at,omitzero" doc:"When it was made; left out: before that was noted."`
	Changing   bool      `json:"changing" doc:"A change is under way: the former key still opens everything."`
}

// WorkspaceKey tells of a workspace's key, or the instance's own. It never
// holds a key.
type WorkspaceKey struct {
	WorkspaceID string    `json:"workspace_id,omitempty" doc:"Left out: the instance's own."`
	Slug        string    `json:"slug,omitempty"`
	Version     int       `json:"version" doc:"Grows with each change; 0: nothing was encrypted with it yet."`
	MadeAt      time.Time `json:"made_at,omitzero" doc:"When this version was made; left out: before that was noted."`
	Changing    bool      `json:"changing" doc:"A change is under way: the former version still wraps keys of persons."`
}

// Cipher is how something is encrypted.
type Cipher struct {
	What      string `json:"what" doc:"What is encrypted: a code such as database or files, or the key of the configuration that leads there, such as datasets.app."`
	Algorithm string `json:"algorithm,omitempty" doc:"Left out: privacyd does not encrypt it."`
	KeyBits   int    `json:"key_bits,omitempty"`
	Key       string `json:"key,omitempty" doc:"Which key: root, instance, workspace, person, random or derived."`
}

// Connection is how data travels on one way.
type Connection struct {
	What     string    `json:"what" doc:"Such as listener, database or mail, or the key of the configuration that leads there, such as datasets.app."`
	Where    string    `json:"where" enum:"loopback,network,machine" doc:"Where it leads: to this machine by a network address, over a network, or inside the machine."`
	Protocol string    `json:"protocol,omitempty" doc:"Such as TLS 1.3, or at least TLS 1.2; left out: not encrypted by privacyd."`
	Cipher   string    `json:"cipher,omitempty"`
	Expires  time.Time `json:"certificate_expires,omitzero"`
}

// KeyOld is the age from which on a key is better changed.
const KeyOld = 365 * Day
