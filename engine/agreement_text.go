package engine

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/privacyd/privacyd"
)

//go:embed agreement.md
var agreementText string

// agreementBlanks is what the template leaves open.
type agreementBlanks struct {
	Operator, Contact, Register    string
	Purposes, Subjects, Categories []string
	Measures, Places, Processors   []string
}

// openBlank is a blank of the template that nothing filled in, in whichever text.
var openBlank = regexp.MustCompile(`\[to be filled in: ([^\]\n]+)\]`)

func blank(what string) string { return "[to be filled in: " + what + "]" }

// AgreementTemplate is our own template with its blanks filled in from the
// configuration: a draft. It names every place and measure, so that it is for
// who may publish it. The operator.
func (e *Engine) AgreementTemplate(ctx context.Context, c privacyd.Caller) (privacyd.ProcessingAgreement, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageDocuments); err != nil {
		return privacyd.ProcessingAgreement{}, err
	}
	return e.filledTemplate(ctx)
}

func (e *Engine) filledTemplate(ctx context.Context) (privacyd.ProcessingAgreement, error) {
	blanks, err := e.agreementBlanks(ctx)
	if err != nil {
		return privacyd.ProcessingAgreement{}, err
	}
	return blanks.fill()
}

// AgreementDraft is our own template for everybody to read before the first
// version is published: how and where this server keeps data is left open. It is
// public: anybody may. Code agreement_not_found once a version is published.
func (e *Engine) AgreementDraft(ctx context.Context) (privacyd.ProcessingAgreement, error) {
	all, err := e.Legal.Agreements.Agreements(ctx)
	if err != nil {
		return privacyd.ProcessingAgreement{}, err
	}
	if len(all) > 0 {
		return privacyd.ProcessingAgreement{}, privacyd.Errorf(privacyd.ClassNotFound, "agreement_not_found",
			"There is no draft: a version of the agreement is published. The legal page lists all versions.")
	}
	blanks, err := e.agreementBlanks(ctx)
	if err != nil {
		return privacyd.ProcessingAgreement{}, err
	}
	blanks.Measures, blanks.Places = nil, nil
	return blanks.fill()
}

func (b agreementBlanks) fill() (privacyd.ProcessingAgreement, error) {
	t, err := template.New("agreement").Parse(agreementText)
	if err != nil {
		return privacyd.ProcessingAgreement{}, fmt.Errorf("read the template of the agreement: %w", err)
	}
	var text strings.Builder
	if err := t.Execute(&text, b); err != nil {
		return privacyd.ProcessingAgreement{}, fmt.Errorf("fill in the template of the agreement: %w", err)
	}
	return privacyd.NewProcessingAgreement(text.String())
}

// refuseBlanks refuses a text that has blanks of the template. Code
// agreement_blanks.
func refuseBlanks(text string) error {
	var open []string
	for _, found := range openBlank.FindAllStringSubmatch(text, -1) {
		open = addOnce(open, found[1])
	}
	if len(open) == 0 {
		return nil
	}
	return privacyd.Errorf(privacyd.ClassConflict, "agreement_blanks",
		"The agreement has blanks: %s. Complete the configuration and the data maps (docs/legal.md), or publish a text in which they are filled in.", strings.Join(open, "; "))
}

func (e *Engine) agreementBlanks(ctx context.Context) (agreementBlanks, error) {
	registers, err := e.Register(ctx)
	if err != nil {
		return agreementBlanks{}, err
	}
	b := agreementBlanks{
		Operator: partyLine(e.Legal.Operator.Contact, blank("name and address of the processor")),
		Contact:  "Privacy contact of the processor: " + contactLine(e.Legal.Operator.Contact),
		Measures: e.measures(), Purposes: purposesOf(e.Datasets),
	}
	if !e.Legal.Operator.Officer.Empty() {
		b.Contact += "\n\nData protection officer of the processor: " + contactLine(e.Legal.Operator.Officer)
	}
	if e.Legal.Address != "" {
		b.Register = e.Legal.Address + "/legal/sub-processors"
	}
	for _, a := range e.activities(e.Datasets, privacyd.Policy{}) {
		for _, s := range a.Subjects {
			b.Subjects = addOnce(b.Subjects, subjectWords(s))
		}
		for _, c := range a.Categories {
			b.Categories = addOnce(b.Categories, c.Name)
		}
	}
	slices.Sort(b.Subjects)
	slices.Sort(b.Categories)
	undeclared := []string{}
	for _, p := range e.Places {
		if p.Declared() {
			b.Places = append(b.Places, placeLine(p))
		} else {
			undeclared = append(undeclared, p.Name)
		}
	}
	if len(undeclared) > 0 {
		b.Places = append(b.Places, blank("country of the processor's own server, which holds "+strings.Join(undeclared, ", ")))
	}
	for _, r := range registers {
		if r.Now != nil && !r.Now.Ended {
			b.Processors = append(b.Processors, processorLine(*r.Now))
		}
	}
	return b, nil
}

// subjectWords says who the persons of a kind are; a product's own kinds are
// words already.
func subjectWords(kind string) string {
	switch kind {
	case accountKind:
		return "people who sign in (account)"
	case "contact":
		return "people whom the controller is in contact with (contact)"
	default:
		return strings.ReplaceAll(kind, "_", " ")
	}
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// partyLine names a party with its postal address.
func partyLine(c privacyd.Contact, blank string) string {
	if c.Empty() {
		return blank
	}
	return joinNonEmpty(", ", c.Name, strings.ReplaceAll(c.Address, "\n", ", "))
}

// contactLine is a contact on one line.
func contactLine(c privacyd.Contact) string {
	if c.Empty() {
		return blank("name and e-mail address")
	}
	return joinNonEmpty(", ", c.Name, c.Email, strings.ReplaceAll(c.Address, "\n", ", "))
}

func placeLine(p privacyd.Place) string {
	return p.Name + " (" + strings.ReplaceAll(string(p.Kind), "_", " ") + "): " + joinNonEmpty(", ", p.Country, p.Region, p.Processor, basisLine(p.Basis))
}

func processorLine(s privacyd.SubProcessor) string {
	return s.Name + ", " + s.Country + ": " + s.Purpose + ". Data: " + strings.Join(s.Categories, ", ") + "." + prefixed(" Transfer: ", s.Basis)
}

func basisLine(basis string) string { return prefixed("transfer: ", basis) }

func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func joinNonEmpty(between string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), between)
}
