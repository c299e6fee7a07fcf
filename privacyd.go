// Package privacyd holds the words of the product: accounts, workspaces,
// members, subjects, jobs, callers and errors, and the rules about them that
// are pure functions (who may do what, which state follows which).
//
// It imports the standard library only, does no input or output, and must
// never learn how anything is stored or shown. What may happen is decided in
// package engine; where personal data lives is described by package datamap.
//
// Open job.go first: everything the product does is a job of some type.
package privacyd
