"""What keeps the reader's role from being let in: more rights than to read the views."""

from projector import store

DANGERS = """
    SELECT p.oid::regprocedure::text FROM pg_proc AS p
    WHERE has_function_privilege($1, p.oid, 'execute') AND (
        p.proname ~ '^dblink' OR p.pronamespace = 'pg_catalog'::regnamespace AND (
            p.proname ~ '^pg_(try_)?advisory_' OR p.proname ~ '^lo(_|read|write)'
            OR p.proname IN ('pg_terminate_backend', 'pg_cancel_backend', 'pg_notify',
                             'pg_logical_emit_message', 'pg_export_snapshot', 'pg_read_file')))
"""
"""Locks that others wait for, large objects, others' sessions, the log of the database's writes;
and a way to other servers, where somebody put one in."""
ROLE = "SELECT rolconfig, rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = $1"
SETTINGS = """
    SELECT unnest(setconfig) FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole
    WHERE r.rolname = $1
"""
MEMBER = """
    SELECT string_agg(r.rolname, ', ') FROM pg_auth_members AS m
    JOIN pg_roles AS r ON r.oid = m.roleid JOIN pg_roles AS own ON own.oid = m.member
    WHERE own.rolname = $1
"""
SEES = """
    SELECT string_agg(tablename, ', ') FROM pg_tables
    WHERE schemaname = current_schema()
      AND has_table_privilege($1, format('%I.%I', schemaname, tablename), 'SELECT')
"""


async def gaps(driver: store.Connection, reader: str) -> str:
    """Why the reader's role cannot be let in yet, or ""."""
    role = await driver.fetchrow(ROLE, reader)
    if role is None:
        owner = await driver.fetchval("SELECT current_user")
        return f"there is no role {reader}, and {owner} may not make one"
    kept = {*(role[0] or ()), *(row[0] for row in await driver.fetch(SETTINGS, reader))}
    open_ = [row[0] for row in await driver.fetch(DANGERS, reader)]
    belongs, seen = await driver.fetchval(MEMBER, reader), await driver.fetchval(SEES, reader)
    found = {
        f"the role {reader} may make databases or roles, or is a superuser": role[1],
        f"the role {reader} is a member of {belongs}": belongs,
        f"the role {reader} reads the tables {seen} themselves": seen,
        f"readers would see each other's questions: {reader} wants track_activities = off": (
            "track_activities=off" not in kept
        ),
        f"the role {reader} may call {', '.join(open_[:3])}": open_,
    }
    return next((why for why, so in found.items() if so), "")
