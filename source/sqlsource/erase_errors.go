package sqlsource

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
)

// conflict tells whether a transaction failed only because of another one.
func conflict(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "40001", "40P01", "55P03":
			return true
		}
		return false
	}
	return errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED)
}

// explainErase is explain for what changes rows. Of the database's messages it
// keeps the names of tables, columns and constraints: a trigger's own words may
// quote a row.
func explainErase(ctx context.Context, err error, step *datamap.Step) error {
	var pg *pgconn.PgError
	var known *privacyd.Error
	switch {
	case errors.As(err, &known) && !errors.As(err, &pg) && !isSQLite(err):
		return err
	case conflict(err):
		return busy(step)
	case errors.As(err, &pg):
		if told := explainWrite(pg, step); told != nil {
			return told
		}
	case isSQLite(err):
		if told := explainSQLiteWrite(err, step); told != nil {
			return told
		}
	}
	return explain(ctx, err)
}

func isSQLite(err error) bool {
	var code sqlite3.ErrorCode
	var extended sqlite3.ExtendedErrorCode
	return errors.As(err, &code) || errors.As(err, &extended)
}

func explainWrite(err *pgconn.PgError, step *datamap.Step) error {
	switch err.Code {
	case "42501":
		return forbidden(step, fmt.Errorf("postgres error %s", err.Code))
	case "25006":
		return readOnly()
	case "23503", "23001":
		return refers(step, err.TableName, err.ConstraintName)
	case "23502":
		return refused(step, "column "+quoteName(err.ColumnName)+" cannot be NULL", err.Code)
	case "23514", "23505", "23P01":
		return refused(step, "constraint "+quoteName(err.ConstraintName)+" does not hold for what it puts in place", err.Code)
	}
	switch err.Code[:2] {
	case "P0", "27", "38", "39":
		return byTrigger(step, err.Code)
	case "22":
		return refused(step, "a column cannot hold what it puts in place, or a value is not what the map says", err.Code)
	}
	return nil
}

func explainSQLiteWrite(err error, step *datamap.Step) error {
	switch {
	case errors.Is(err, sqlite3.CONSTRAINT_FOREIGNKEY):
		return refers(step, "", "")
	case errors.Is(err, sqlite3.CONSTRAINT_TRIGGER):
		return byTrigger(step, "SQLITE_CONSTRAINT_TRIGGER")
	case errors.Is(err, sqlite3.CONSTRAINT_NOTNULL):
		return refused(step, "a column cannot be NULL", "SQLITE_CONSTRAINT_NOTNULL")
	case errors.Is(err, sqlite3.CONSTRAINT):
		return refused(step, "a constraint does not hold for what it puts in place", "SQLITE_CONSTRAINT")
	case errors.Is(err, sqlite3.READONLY), errors.Is(err, sqlite3.PERM), errors.Is(err, sqlite3.CANTOPEN):
		return readOnly()
	case errors.Is(err, sqlite3.AUTH):
		return forbidden(step, err)
	}
	return nil
}

func quoteName(name string) string {
	if name == "" {
		return "(unnamed)"
	}
	return fmt.Sprintf("%q", name)
}

func forbidden(step *datamap.Step, cause error) error {
	right := "UPDATE"
	if step.Action == datamap.Delete {
		right = "DELETE"
	}
	return privacyd.Errorf(privacyd.ClassRefused, "source_forbidden",
		"The database does not let privacyd's role erase rows of %s. Run GRANT SELECT, %s ON %s TO that role and, where the table has "+
			"row-level security, give it BYPASSRLS. (%w)", step.Table, right, tableName(step.Table), cause)
}

func readOnly() error {
	return privacyd.Errorf(privacyd.ClassRefused, "source_forbidden",
		"The dataset's database cannot be written to: it is a replica or a file that is read-only. Give the address of the database itself.")
}

// refers names what the map does not: a row that still refers to one that is
// to go. A row that was added meanwhile does that, too.
func refers(step *datamap.Step, table, constraint string) error {
	who := "Rows of another table"
	if table != "" {
		who = fmt.Sprintf("Rows of table %q", table)
	}
	if constraint != "" {
		who += fmt.Sprintf(" (constraint %q)", constraint)
	}
	return privacyd.Errorf(privacyd.ClassRefused, "rows_refer",
		"%s still refer to rows of table %q that are to be erased. Put that table and its link into the data map and say what becomes "+
			"of its rows; if it is there, rows were added meanwhile: try again.", who, step.Table)
}

func refused(step *datamap.Step, why, code string) error {
	return privacyd.Errorf(privacyd.ClassRefused, "value_refused",
		"The data map cannot be followed for table %q: %s. Write another disposition for it in the data map. (%s)", step.Table, why, code)
}

func byTrigger(step *datamap.Step, code string) error {
	return privacyd.Errorf(privacyd.ClassRefused, "trigger_refused",
		"A trigger of the database refuses to let rows of table %q %s. Change the trigger, or say in the data map that the rows are kept. (%s)",
		step.Table, map[bool]string{true: "be deleted", false: "be changed"}[step.Action == datamap.Delete], strings.TrimSpace(code))
}
