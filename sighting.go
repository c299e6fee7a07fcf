package privacyd

import (
	"strings"
	"time"
)

// Sighting is what the provider of a bucket said itself when it was asked where
// the bucket lies.
type Sighting struct {
	Use            string     `json:"use"`               // what of the configuration the bucket is for, such as blobs.exports
	Region         string     `json:"region,omitempty"`  // the provider's name for it; empty: it does not tell
	Country        string     `json:"country,omitempty"` // of that region, where it is known
	At             time.Time  `json:"at"`
	ToldAt         *time.Time `json:"told_at,omitempty"`         // when it told the region; earlier than At, if it could not be asked
	Moved          bool       `json:"moved"`                     // it lies elsewhere than the place says
	Fault          string     `json:"fault,omitempty"`           // why it could not be asked
	CertificateEnd *time.Time `json:"certificate_end,omitempty"` // of the provider's endpoint

	Amazon bool   `json:"-"` // the provider is Amazon itself: a region's country is not the operator's to say
	Bucket string `json:"-"` // which one was asked about; another one has another history
}

// regions are Amazon's, by the country that each lies in.
var regions = map[string]string{
	"AE": "me-central-1", "AU": "ap-southeast-2 ap-southeast-4", "BH": "me-south-1", "BR": "sa-east-1", "CA": "ca-central-1 ca-west-1",
	"CH": "eu-central-2", "CN": "cn-north-1 cn-northwest-1", "DE": "eu-central-1 eusc-de-east-1", "ES": "eu-south-2", "FR": "eu-west-3",
	"GB": "eu-west-2", "HK": "ap-east-1", "ID": "ap-southeast-3", "IE": "eu-west-1", "IL": "il-central-1", "IN": "ap-south-1 ap-south-2",
	"IT": "eu-south-1", "JP": "ap-northeast-1 ap-northeast-3", "KR": "ap-northeast-2", "MX": "mx-central-1", "MY": "ap-southeast-5",
	"NZ": "ap-southeast-6", "SE": "eu-north-1", "SG": "ap-southeast-1", "TH": "ap-southeast-7", "TW": "ap-east-2",
	"US": "us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1", "ZA": "af-south-1",
}

// RegionCountry is the country of one of Amazon's regions; empty for a name
// that is not known here.
func RegionCountry(region string) string {
	for country, names := range regions {
		for name := range strings.FieldsSeq(names) {
			if name == region {
				return country
			}
		}
	}
	return ""
}

// Judge says of a sighting whether the bucket lies where its place says. A
// store of another maker may give its regions names of Amazon's that mean
// nothing; a place that declares such a name says so.
func (p Place) Judge(s Sighting) Sighting {
	s.Country, s.Moved = RegionCountry(s.Region), false
	if s.Region == "" || !p.Declared() {
		return s
	}
	otherRegion := p.Region != "" && !strings.EqualFold(p.Region, s.Region)
	otherCountry := s.Country != "" && s.Country != p.Country && (s.Amazon || !strings.EqualFold(p.Region, s.Region))
	s.Moved = otherRegion || otherCountry
	return s
}

// After gives what is known once a provider was asked again: what it says now.
// Where it could not be asked, the bucket is where it was said to be before; so
// it is where it says nothing, if the bucket had moved. Judge goes after it.
func (s Sighting) After(former Sighting) Sighting {
	switch told := s.At; {
	case s.Region != "":
		s.ToldAt = &told
	case former.Region != "" && former.Bucket == s.Bucket && (s.Fault != "" || former.Moved):
		s.Region, s.Amazon, s.ToldAt = former.Region, former.Amazon, former.ToldAt
	}
	return s
}

// String says what the provider said.
func (s Sighting) String() string {
	switch {
	case s.Moved:
		return "moved: its provider says " + s.Region
	case s.Fault != "" && s.Region != "":
		return "its provider could not be asked; on " + DayWords(*s.ToldAt) + " it said " + s.Region
	case s.Fault != "":
		return "its provider could not be asked"
	case s.Region == "":
		return "its provider does not tell"
	}
	return "its provider says " + s.Region
}

// Refusal says why nothing may be written to where the bucket was seen; nil
// when it lies where its place says. Code place_moved.
func (s Sighting) Refusal(p Place) error {
	if !s.Moved {
		return nil
	}
	declared := p.Country
	if p.Region != "" {
		declared = p.Region + ", " + p.Country
	}
	return Errorf(ClassRefused, "place_moved",
		"%s is in the region %s, says its provider, and the place %s is declared as %s. Nothing is written there. Put back a bucket that is where the place says, or declare where it is now.",
		s.Use, s.Region, p.Name, declared)
}
