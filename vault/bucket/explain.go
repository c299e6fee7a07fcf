package bucket

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"gocloud.dev/gcerrors"

	"github.com/privacyd/privacyd"
)

// Missing tells whether err says that there is nothing under that key.
// A bucket that does not exist is another matter.
func Missing(err error) bool {
	return err != nil && gcerrors.Code(err) == gcerrors.NotFound && apiCode(err) != "NoSuchBucket"
}

// Exists tells whether err says that a write was refused because the key is
// taken.
func Exists(err error) bool { return err != nil && gcerrors.Code(err) == gcerrors.FailedPrecondition }

// Explain turns an error of a folder or object store into one for people. The
// cause keeps the kind of failure and drops the key.
//
// Codes: blob_missing, disk_full, blob_unavailable. Errors that are already
// explained and those of an ended context are returned as they are.
func Explain(err error) error {
	var known *privacyd.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return ended(err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return privacyd.Errorf(privacyd.ClassUnavailable, "disk_full",
			"The disk is full. Free some space and try again; nothing half-written is left. (%w)", kind(err))
	case privacyd.CertificateFault(err) != "":
		return privacyd.Errorf(privacyd.ClassUnavailable, "blob_unavailable",
			"The file storage cannot be used: %s. Nothing was sent. Renew the certificate of its endpoint, or have this machine trust who signs it.", privacyd.CertificateFault(err))
	case Missing(err):
		return privacyd.Errorf(privacyd.ClassNotFound, "blob_missing",
			"That file is not in its storage: it was deleted or never arrived. (%w)", kind(err))
	default:
		return privacyd.Errorf(privacyd.ClassUnavailable, "blob_unavailable",
			"The file storage cannot be used at the moment. Check that the folder or bucket exists and that "+
				"privacyd may read and write it. (%w)", kind(err))
	}
}

func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return context.DeadlineExceeded
}

// kind is what went wrong without the key, which the texts of the storage
// libraries repeat.
func kind(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	if code := apiCode(err); code != "" {
		return fmt.Errorf("storage: %s", code)
	}
	return fmt.Errorf("storage: %v", gcerrors.Code(err))
}

// apiCode is the store's own code for the error, such as AccessDenied.
func apiCode(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
