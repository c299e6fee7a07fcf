package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/privacyd/privacyd/bench/measure"
)

// gzipSize is what gzip -6 makes of the JSON in an archive.
func gzipSize(ctx context.Context, file string) (int64, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", file, err)
	}
	defer z.Close() //nolint:errcheck // it was only read
	return measure.Counted(ctx, exec.CommandContext(ctx, "gzip", "-6"), func(w io.Writer) error {
		for _, f := range z.File {
			if !strings.HasPrefix(f.Name, "data/") {
				continue
			}
			if err := copyFile(w, f); err != nil {
				return fmt.Errorf("read %s: %w", f.Name, err)
			}
		}
		return nil
	})
}

func copyFile(w io.Writer, f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	_, err = io.Copy(w, in)
	return err
}
