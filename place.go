package privacyd

import (
	"net"
	"slices"
	"strings"
)

// PlaceKind is what a place does with data.
type PlaceKind string

// The kinds of places.
const (
	PlaceDatabase PlaceKind = "database"
	PlaceBucket   PlaceKind = "bucket"
	PlaceVector   PlaceKind = "vector_store"
	PlaceMail     PlaceKind = "mail_relay"
	PlaceLLM      PlaceKind = "llm"
	PlaceBackup   PlaceKind = "backup"
	PlaceKeys     PlaceKind = "keys"
)

// Place is somewhere that holds or sees data.
type Place struct {
	Name      string    `json:"name"`
	Kind      PlaceKind `json:"kind"`
	Uses      []string  `json:"uses,omitempty"` // what of the configuration is there, such as database or datasets.app
	Region    string    `json:"region,omitempty"`
	Country   string    `json:"country,omitempty"` // ISO 3166-1 alpha-2; empty: not declared
	Processor string    `json:"processor,omitempty"`
	Basis     string    `json:"transfer_basis,omitempty"` // of a transfer out of the EEA, such as an adequacy decision
	Local     bool      `json:"local"`                    // a folder or a loopback address of the server itself
}

// Declared tells whether the operator has said where the place is.
func (p Place) Declared() bool { return p.Country != "" }

// eea are the states of the European Economic Area.
const eea = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"

// otherCountries are the rest of ISO 3166-1.
const otherCountries = "AD AE AF AG AI AL AM AO AQ AR AS AU AW AX AZ BA BB BD BF BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH " +
	"CI CK CL CM CN CO CR CU CV CW CX DJ DM DO DZ EC EG EH ER ET FJ FK FM FO GA GB GD GE GF GG GH GI GL GM GN GP GQ GS GT GU GW GY " +
	"HK HM HN HT ID IL IM IN IO IQ IR JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LK LR LS LY MA MC MD ME MF MG MH MK " +
	"ML MM MN MO MP MQ MR MS MU MV MW MX MY MZ NA NC NE NF NG NI NP NR NU NZ OM PA PE PF PG PH PK PM PN PR PS PW PY QA RE RS RU RW SA SB " +
	"SC SD SG SH SJ SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN " +
	"VU WF WS YE YT ZA ZM ZW"

// EEA stands for the countries of the European Economic Area in a list of
// allowed countries.
const EEA = "EEA"

// KnownCountry tells whether code is one of ISO 3166-1 alpha-2.
func KnownCountry(code string) bool {
	return len(code) == 2 && (slices.Contains(strings.Fields(eea), code) || slices.Contains(strings.Fields(otherCountries), code))
}

// InEEA tells whether a country is in the European Economic Area.
func InEEA(code string) bool { return slices.Contains(strings.Fields(eea), code) }

// Countries are those in which data may be: ISO codes, or EEA.
type Countries []string

// Valid checks the codes. Code countries_invalid.
func (c Countries) Valid() error {
	for _, code := range c {
		if code != EEA && !KnownCountry(code) {
			return Errorf(ClassInvalid, "countries_invalid", "Allowed countries are ISO codes of two capital letters, such as IE, or EEA.")
		}
	}
	return nil
}

// Or gives the countries themselves, or others where there are none.
func (c Countries) Or(others Countries) Countries {
	if len(c) == 0 {
		return others
	}
	return c
}

// Permit tells whether data may be in a country.
func (c Countries) Permit(country string) bool {
	return slices.Contains(c, country) || slices.Contains(c, EEA) && InEEA(country)
}

// String names the countries for people.
func (c Countries) String() string { return strings.Join(c, ", ") }

// HostName gives a host of an address in the form in which hosts are compared:
// in lower case, without the dot at the end that stands for the root of names.
func HostName(host string) string {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name != strings.ToLower(host) && net.ParseIP(name) != nil {
		return strings.ToLower(host) // with a dot it is a name, which may lead anywhere
	}
	return name
}

// LocalHost tells whether a host of an address is this very machine: a loopback
// address, or a socket in its file system. 0.0.0.0 is no such address, although
// it often leads here.
func LocalHost(host string) bool {
	host = HostName(host)
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasPrefix(host, "/") || ip != nil && ip.IsLoopback()
}
