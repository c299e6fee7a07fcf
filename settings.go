package privacyd

import (
	"slices"
	"time"
)

// WorkspaceState is what may still happen in a workspace.
type WorkspaceState string

// The states of a workspace.
const (
	WorkspaceActive   WorkspaceState = "active"
	WorkspaceReadOnly WorkspaceState = "read_only" // its deletion is in the grace period; persons are still served
	WorkspaceDeleted  WorkspaceState = "deleted"   // nothing is left but its frozen audit log
)

// AccountState is what an account may still do.
type AccountState string

// The states of an account.
const (
	AccountActive  AccountState = "active"
	AccountLeaving AccountState = "leaving" // its deletion is in the grace period: it reaches that page and no other
)

// Settings are what a workspace's admins choose.
type Settings struct {
	TimeZone         string    `json:"time_zone"`                   // IANA name
	RetentionHour    int       `json:"retention_hour"`              // 0 to 23, on the clocks of TimeZone
	RetentionBrake   int       `json:"retention_brake"`             // percent that one run may take without asking
	Approval         bool      `json:"approval"`                    // a second admin approves what cannot be undone
	AllowedCountries Countries `json:"allowed_countries,omitempty"` // ISO 3166-1 alpha-2, or EEA; empty: as the instance

	// ApprovalOffBy is the admin who asks to do without a second one; it is so
	// when another admin asks for the same.
	ApprovalOffBy string `json:"approval_off_by,omitempty" doc:"What is given is ignored. The account of the admin who switched approval off. It stays on until another admin does so, too."`
}

// DefaultSettings are those of a workspace that has chosen none.
func DefaultSettings() Settings {
	return Settings{TimeZone: "UTC", RetentionHour: 3, RetentionBrake: DefaultBrake}
}

// Valid checks the settings. Codes: time_zone_invalid, retention_hour_invalid,
// retention_brake_invalid, countries_invalid.
func (s Settings) Valid() error {
	if _, err := s.Zone(); err != nil {
		return err
	}
	switch {
	case s.RetentionHour < 0 || s.RetentionHour > 23:
		return Errorf(ClassInvalid, "retention_hour_invalid", "The hour of the daily retention run is 0 to 23.")
	case s.RetentionBrake < 1 || s.RetentionBrake > 100:
		return Errorf(ClassInvalid, "retention_brake_invalid", "The share that a retention run may take without asking is 1 to 100 percent.")
	}
	return s.AllowedCountries.Valid()
}

// Zone gives the workspace's time zone. Code time_zone_invalid.
func (s Settings) Zone() (*time.Location, error) {
	invalid := Errorf(ClassInvalid, "time_zone_invalid", "That is not a time zone. Give its IANA name, such as Europe/Berlin, or UTC.")
	if s.TimeZone == "" || s.TimeZone == "Local" {
		return nil, invalid // they mean a zone of this machine
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, invalid
	}
	return zone, nil
}

// Changes lists what differs in after, for the audit log.
func (s Settings) Changes(after Settings) map[string]Change {
	changes := map[string]Change{}
	add := func(name string, before, after any, differs bool) {
		if differs {
			changes[name] = Change{Before: before, After: after}
		}
	}
	add("time_zone", s.TimeZone, after.TimeZone, s.TimeZone != after.TimeZone)
	add("retention_hour", s.RetentionHour, after.RetentionHour, s.RetentionHour != after.RetentionHour)
	add("retention_brake", s.RetentionBrake, after.RetentionBrake, s.RetentionBrake != after.RetentionBrake)
	add("approval", s.Approval, after.Approval, s.Approval != after.Approval)
	add("approval_off_asked", s.ApprovalOffBy != "", after.ApprovalOffBy != "", s.ApprovalOffBy != after.ApprovalOffBy)
	add("allowed_countries", s.AllowedCountries, after.AllowedCountries, !slices.Equal(s.AllowedCountries, after.AllowedCountries))
	return changes
}

// SwitchApproval says what becomes of the setting when an account, or the
// operator for "", wants s in place of before: approval ends when two admins have
// switched it off, or the operator. It gives the settings as they are then.
func (s Settings) SwitchApproval(before Settings, accountID string) Settings {
	s.ApprovalOffBy = ""
	if !before.Approval || s.Approval || accountID == "" {
		return s
	}
	if before.ApprovalOffBy == "" || before.ApprovalOffBy == accountID {
		s.Approval, s.ApprovalOffBy = true, accountID
	}
	return s
}
