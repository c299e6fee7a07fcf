package datamap

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
)

// The forms of names. They keep anything that could end a quoted identifier
// or a path out of a map; sources quote identifiers all the same. The JSON
// Schema has the same patterns.
var (
	namePattern     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
	columnPattern   = regexp.MustCompile(`^[\p{L}\p{N}_](?:[\p{L}\p{N}_$ -]{0,126}[\p{L}\p{N}_$])?$`)
	tablePattern    = regexp.MustCompile(`^(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_$ -]{0,126}[\p{L}\p{N}_$])?\.)?[\p{L}\p{N}_](?:[\p{L}\p{N}_$ -]{0,126}[\p{L}\p{N}_$])?$`)
	pathPattern     = regexp.MustCompile(`^\$(?:\.[\p{L}\p{N}_-]+|\[\*\]|\[[0-9]{1,9}\]|\['[^'"\\\]\x00-\x1f]+'\])+$`)
	bucketPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	countryPattern  = regexp.MustCompile(`^[A-Z]{2}$`)
	durationPattern = regexp.MustCompile(`^P(?:[0-9]{1,4}Y)?(?:[0-9]{1,4}M)?(?:[0-9]{1,4}W)?(?:[0-9]{1,5}D)?$`)
	exportPattern   = regexp.MustCompile(`^[^\x00-\x1f\x7f"\\]{1,128}$`)
	plainName       = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
)

//go:embed categories.txt
var categoryList string

// Categories are the data categories of the Fideslang taxonomy 3 (CC BY 4.0,
// Ethyca), deprecated ones included, sorted.
func Categories() []string { return strings.Fields(categoryList) }

// Grounds are the grounds of Art. 17(3) GDPR on which data may be kept.
func Grounds() []string {
	return []string{"freedom_of_expression", "legal_obligation", "public_health", "archiving", "legal_claims"}
}

// LegalBases are the grounds of Art. 6(1) GDPR on which data may be processed,
// (a) to (f).
func LegalBases() []string {
	return []string{"consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"}
}

// isPersonal tells whether a category is about a person.
func isPersonal(category string) bool {
	return category == "user" || strings.HasPrefix(category, "user.")
}

// reserved are names that some systems do not let a file have.
func reserved(name string) bool {
	n := strings.ToLower(name)
	return slices.Contains([]string{"con", "prn", "aux", "nul"}, n) ||
		len(n) == 4 && (strings.HasPrefix(n, "com") || strings.HasPrefix(n, "lpt")) && n[3] >= '0' && n[3] <= '9'
}

// validDuration tells whether s is an ISO 8601 duration of whole days.
func validDuration(s string) bool { return len(s) > 1 && durationPattern.MatchString(s) }

// keywords are what neither database takes as a bare identifier and what
// people call tables and columns all the same.
const keywords = " all and any array as asc between both by case cast check collate column commit constraint " +
	"create cross current_date current_time current_user default delete desc distinct do else end except exists " +
	"false fetch for foreign from full grant group having if in index inner insert intersect into is join " +
	"left like limit natural not null offset on only or order outer primary references returning right select " +
	"set some table then to transaction true union unique update user using values view when where window with "

// sqlName writes an identifier as both databases read it: bare where that is
// safe and means the same.
func sqlName(name string) string {
	if plainName.MatchString(name) && !strings.Contains(keywords, " "+name+" ") {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func sqlTable(table string) string {
	schema, name, found := strings.Cut(table, ".")
	if !found {
		return sqlName(table)
	}
	return sqlName(schema) + "." + sqlName(name)
}
