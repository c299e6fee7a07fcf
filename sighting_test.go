package privacyd_test

import (
	"testing"

	"github.com/privacyd/privacyd"
)

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		region, country, seen string
		amazon, moved         bool
	}{
		"where it says":                              {"eu-central-1", "DE", "eu-central-1", true, false},
		"in another region":                          {"eu-central-1", "DE", "eu-west-1", true, true},
		"in another country":                         {"", "DE", "us-east-1", true, true},
		"declared wrongly":                           {"us-east-1", "DE", "us-east-1", true, true},
		"in a region that is not known":              {"", "DE", "zz-new-1", true, false},
		"another maker's name of no meaning":         {"us-east-1", "DE", "us-east-1", false, false},
		"another maker's name, not declared":         {"", "DE", "us-east-1", false, true},
		"another maker's own name":                   {"fsn1", "DE", "fsn1", false, false},
		"another maker's other region":               {"fsn1", "DE", "hel1", false, true},
		"the provider does not tell":                 {"eu-central-1", "DE", "", true, false},
		"nobody says where it is, so it cannot move": {"", "", "us-east-1", false, false},
	} {
		p := privacyd.Place{Name: "exports", Region: c.region, Country: c.country}
		s := p.Judge(privacyd.Sighting{Use: "blobs.exports", Region: c.seen, Amazon: c.amazon})
		if s.Moved != c.moved {
			t.Errorf("%s: moved is %v", name, s.Moved)
		}
		want := ""
		if c.moved {
			want = "place_moved"
		}
		if code := privacyd.CodeOf(s.Refusal(p)); code != want {
			t.Errorf("%s: code %q", name, code)
		}
	}
}

func TestRegionCountries(t *testing.T) {
	for region, country := range map[string]string{"eu-central-1": "DE", "eu-west-2": "GB", "us-gov-west-1": "US", "fsn1": "", "": ""} {
		if got := privacyd.RegionCountry(region); got != country || got != "" && !privacyd.KnownCountry(got) {
			t.Errorf("%s is in %q", region, got)
		}
	}
}

func TestLocalHost(t *testing.T) {
	for host, local := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "127.0.0.1": true, "127.8.9.1": true, "::1": true, "::ffff:127.0.0.1": true, "/run/postgresql": true,
		"0.0.0.0": false, "::": false, "127.0.0.1.": false, "localhost.example.com": false, "": false, "127.0.0.1:80": false, "10.0.0.1": false,
	} {
		if privacyd.LocalHost(host) != local {
			t.Errorf("%q: local is %v", host, !local)
		}
	}
}
