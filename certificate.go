package privacyd

import (
	"crypto/x509"
	"errors"
)

// CertificateNoticed is how long before its end an expiring certificate is told
// of.
const CertificateNoticed = 30 * Day

// CertificateFault says in words why the certificate of a server that we called
// was not believed; empty when err is about something else. The words name
// neither the server nor the certificate.
func CertificateFault(err error) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return "its certificate is valid from " + DayWords(invalid.Cert.NotBefore) + " to " + DayWords(invalid.Cert.NotAfter) + " only"
	case errors.As(err, &invalid):
		return "its certificate may not be used for this"
	case errors.As(err, &unknown):
		return "its certificate is signed by nobody whom this machine trusts"
	case errors.As(err, &other):
		return "its certificate is for another name"
	}
	return ""
}
