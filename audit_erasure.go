package privacyd

// AuditErasure is the erasing of one person from the audit logs, as far as it
// has to be remembered. Nothing in it is personal.
type AuditErasure struct {
	Owner  string // the reference of the person's key: keyed hashes
	Intent string // the entry that says that it was begun
	Log    string // the log of that entry: a workspace's id, or empty for the instance's
	Done   bool
}
