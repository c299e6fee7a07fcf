package keyservice

import (
	"context"
	"errors"
	"net"
	"strings"

	"gocloud.dev/gcerrors"

	"github.com/privacyd/privacyd"
)

// explainAddress keeps what a library says of an address to itself: it repeats
// it, and an address may hold a key.
func explainAddress(err error) error {
	var known *privacyd.Error
	if errors.As(err, &known) {
		return known
	}
	return errAddress()
}

// explain says what to do about an error of a service. It keeps its code and
// drops its text, which may name keys and accounts.
func (s *Service) explain(err error) error {
	var api interface{ ErrorCode() string }
	var network net.Error
	code := gcerrors.Code(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return context.Canceled // what else is said names an address
	case privacyd.CertificateFault(err) != "":
		return notBelieved(privacyd.CertificateFault(err))
	case s.scheme == Local:
		return wrong()
	case errors.As(err, &api):
		return explainAPI(api.ErrorCode())
	case code == gcerrors.PermissionDenied:
		return denied("permission denied")
	case code == gcerrors.InvalidArgument:
		return wrong()
	case code == gcerrors.NotFound:
		return denied("no such key")
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return unreachable()
	}
	var status statusError
	if errors.As(err, &status) {
		return failed(status.Error())
	}
	return failed("no credentials, or an answer that cannot be read")
}

// explainAPI sorts the codes of AWS, as
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html has them.
func explainAPI(code string) error {
	switch strings.TrimSuffix(code, "Exception") {
	case "InvalidCiphertext", "IncorrectKey", "InvalidKeyUsage":
		return wrong()
	case "AccessDenied", "NotFound", "Disabled", "KMSInvalidState", "UnrecognizedClient", "InvalidSignature", "ExpiredToken", "InvalidClientTokenId",
		"MissingAuthenticationToken", "IncompleteSignature":
		return denied(code)
	default:
		return failed(code)
	}
}

func unreachable() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_service_unreachable",
		"The key service of keys.root does not answer, so the root key cannot be opened. See whether it runs and can be reached from here; nothing was changed.")
}

func notBelieved(why string) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_service_unreachable",
		"The key service of keys.root was not believed: %s. Nothing was sent. Renew its certificate, or have this machine trust who signs it.", why)
}

func denied(why string) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_service_denied",
		"The key service of keys.root does not let privacyd use its key (%s). Give this machine or its token the right to encrypt and decrypt with it, "+
			"and see that the key is there and enabled; nothing was changed.", why)
}

func wrong() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_wrong",
		"The key of the key service does not open this root key: it is another one, is gone, or may not decrypt any more what it wrapped then. "+
			"Put the right key's address into keys.root, or let the service decrypt with its older versions; nothing was changed.")
}

func failed(why string) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_service_failed",
		"The key service of keys.root failed (%s). See whether it is sealed or starting, and its own log, and try again; nothing was changed.", why)
}
