package web

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/privacyd/privacyd"
)

const receiptsShown = 25

// receiptView is a receipt as a page to print.
type receiptView struct {
	Stored  privacyd.StoredReceipt
	Receipt privacyd.Receipt
}

// receiptsView is the page "Receipts".
type receiptsView struct {
	List []receiptView
	At   pager
}

func (d *door) receiptPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	stored, err := d.engine.Receipt(r.Context(), v.caller, v.workspace.ID, r.PathValue("job"))
	if err != nil {
		return err
	}
	view, err := newReceiptView(stored)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, receiptPageOf(d.page(r, v, view.Receipt.Title()), view))
}

func newReceiptView(stored privacyd.StoredReceipt) (receiptView, error) {
	view := receiptView{Stored: stored}
	if err := json.Unmarshal(stored.File, &view.Receipt); err != nil {
		return view, fmt.Errorf("read a receipt: %w", err)
	}
	return view, nil
}

// receiptFile hands the receipt over to the byte as it was signed.
func (d *door) receiptFile(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	stored, err := d.engine.Receipt(r.Context(), v.caller, v.workspace.ID, r.PathValue("job"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="receipt-`+stored.ID+`.json"`)
	_, _ = w.Write(stored.File) // the asker has gone away
	return nil
}

func (d *door) receiptsPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	order := newSorting(q, "sort", "-ended", "ended", "kind", "deleted")
	order.Path = workspacePath(v.workspace.Slug, "receipts")
	view := receiptsView{At: newPager(q, order, "receipts", "before")}
	list, err := readPage(&view.At, receiptsShown, func(part privacyd.PageQuery) (privacyd.Page[privacyd.StoredReceipt], error) {
		return d.engine.ReceiptsPage(r.Context(), v.caller, v.workspace.ID, part)
	})
	if err != nil {
		return err
	}
	for _, stored := range list {
		one, err := newReceiptView(stored)
		if err != nil {
			return err
		}
		view.List = append(view.List, one)
	}
	return d.show(w, r, http.StatusOK, receiptsPageOf(d.page(r, v, "Receipts"), view))
}

// filesWords says where a receipt's files stand, and how it looks.
func filesWords(f privacyd.ReceiptFiles) (word, style string) {
	switch f.State {
	case privacyd.FilesNone:
		return "No files", "state-off"
	case privacyd.FilesPending:
		return "Files on their way", "state-busy"
	case privacyd.FilesMet:
		return "Files gone in time", "state-good"
	case privacyd.FilesLate:
		return "Files gone, late", "state-warn"
	default:
		return "Files overdue", "state-bad"
	}
}

// receiptStats are a receipt in a few numbers.
func receiptStats(v receiptView) []stat {
	var changed, held int64
	for _, c := range v.Receipt.Collections {
		held += c.Held
		if c.Fate == privacyd.FateNull || c.Fate == privacyd.FateReplace {
			changed += c.Done
		}
	}
	deleted, files := v.Receipt.Deleted(), v.Receipt.Files.Deleted
	list := []stat{
		{wordFor(int(deleted), "record deleted", "records deleted"), deleted, ""},
		{wordFor(int(files), "file deleted", "files deleted"), files, ""},
		{wordFor(int(changed), "record changed", "records changed"), changed, ""},
	}
	if held > 0 {
		list = append(list, stat{"records on hold", held, "text-warning"})
	}
	return list
}
