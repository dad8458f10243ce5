"""First tables: accounts, audit, people, sources, candidates, evidence, notices, reports.

Everything that the first version keeps. What is personal is in sealed columns (`document`, files
by id); in the clear are ids, states, times, hosts and counts. The audit table is append-only in
the database itself: triggers refuse every update and delete, on SQLite and on PostgreSQL, so that
not even a faulty query of ours can rewrite the trail.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_REFUSAL = "the audit trail is append-only"


def upgrade() -> None:
    """Apply the change."""
    op.create_table('audit',
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=True),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('object_kind', sa.String(), nullable=False),
    sa.Column('object_id', sa.String(), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('previous_hash', sa.String(), nullable=False),
    sa.Column('hash', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_audit')),
    sa.UniqueConstraint('hash', name=op.f('uq_audit_hash'))
    )
    op.create_table('gallery_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('change', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_gallery_change'))
    )
    op.create_table('host_slots',
    sa.Column('host', sa.String(), nullable=False),
    sa.Column('last_request_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('next_request_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('host', name=op.f('pk_host_slots'))
    )
    op.create_table('media',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('content_sha256', sa.String(), nullable=False),
    sa.Column('pdq', sa.String(), nullable=True),
    sa.Column('pdq_quality', sa.Integer(), nullable=True),
    sa.Column('phash', sa.String(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('width_px', sa.Integer(), nullable=False),
    sa.Column('height_px', sa.Integer(), nullable=False),
    sa.Column('content_bytes', sa.BigInteger(), nullable=False),
    sa.Column('refusal_code', sa.String(), nullable=True),
    sa.Column('examined_model', sa.String(), nullable=True),
    sa.Column('examined_change', sa.Integer(), nullable=False),
    sa.Column('examined_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('first_seen_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_media')),
    sa.UniqueConstraint('content_sha256', name=op.f('uq_media_content_sha256'))
    )
    op.create_table('organisations',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('jurisdiction', sa.String(), nullable=False),
    sa.Column('face_matching', sa.Boolean(), nullable=False),
    sa.Column('legal_basis', sa.String(), nullable=False),
    sa.Column('impact_assessment', sa.String(), nullable=False),
    sa.Column('face_matching_decided_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('face_matching_decided_by', sa.Uuid(), nullable=True),
    sa.Column('keeps_media_bytes', sa.Boolean(), nullable=False),
    sa.Column('created_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisations')),
    sa.UniqueConstraint('slug', name=op.f('uq_organisations_slug'))
    )
    op.create_table('rate_buckets',
    sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('window_start', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rate_buckets')),
    sa.UniqueConstraint('kind', 'subject', 'window_start', name=op.f('uq_rate_buckets_kind_subject_window_start'))
    )
    op.create_table('accounts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('username', sa.String(), nullable=False),
    sa.Column('display_name', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=False),
    sa.Column('totp_secret', sa.LargeBinary(), nullable=True),
    sa.Column('totp_pending', sa.LargeBinary(), nullable=True),
    sa.Column('totp_last_step', sa.Integer(), nullable=True),
    sa.Column('trained', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_accounts_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_accounts')),
    sa.UniqueConstraint('username', name=op.f('uq_accounts_username'))
    )
    with op.batch_alter_table('accounts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_accounts_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('erasure_receipts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('content', sa.String(), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.Column('asked_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('finished_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_erasure_receipts_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasure_receipts'))
    )
    with op.batch_alter_table('erasure_receipts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_erasure_receipts_person_id'), ['person_id'], unique=False)

    op.create_table('people',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('case_number_lookup', sa.String(), nullable=False),
    sa.Column('passphrase_hash', sa.String(), nullable=False),
    sa.Column('deletion_code_hash', sa.String(), nullable=False),
    sa.Column('face_opt_in', sa.Boolean(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('changed_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_people_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people')),
    sa.UniqueConstraint('case_number_lookup', name=op.f('uq_people_case_number_lookup'))
    )
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_people_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_people_state'), ['state'], unique=False)

    op.create_table('receivers',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('host', sa.String(), nullable=False),
    sa.Column('regime', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('contact', sa.String(), nullable=False),
    sa.Column('publishes_complaints', sa.Boolean(), nullable=False),
    sa.Column('changed_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_receivers_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_receivers')),
    sa.UniqueConstraint('organisation_id', 'host', 'regime', name=op.f('uq_receivers_organisation_id_host_regime'))
    )
    with op.batch_alter_table('receivers', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_receivers_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('sites',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('seeds', sa.JSON(), nullable=False),
    sa.Column('allowed_hosts', sa.JSON(), nullable=False),
    sa.Column('media_hosts', sa.JSON(), nullable=False),
    sa.Column('path_prefixes', sa.JSON(), nullable=False),
    sa.Column('max_depth', sa.Integer(), nullable=False),
    sa.Column('page_budget', sa.Integer(), nullable=False),
    sa.Column('media_budget', sa.Integer(), nullable=False),
    sa.Column('delay_s', sa.Double(), nullable=False),
    sa.Column('obey_robots', sa.Boolean(), nullable=False),
    sa.Column('robots_reason', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('legal_basis', sa.String(), nullable=False),
    sa.Column('monitoring_purpose', sa.String(), nullable=False),
    sa.Column('schedule', sa.String(), nullable=False),
    sa.Column('canaries', sa.JSON(), nullable=False),
    sa.Column('created_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('next_run_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_sites_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sites')),
    sa.UniqueConstraint('organisation_id', 'name', name=op.f('uq_sites_organisation_id_name'))
    )
    with op.batch_alter_table('sites', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sites_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('attestations',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('accepted', sa.Boolean(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('attested_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_attestations_account_id_accounts')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_attestations_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attestations'))
    )
    with op.batch_alter_table('attestations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_attestations_person_id'), ['person_id'], unique=False)

    op.create_table('invitations',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=True),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('trained', sa.Boolean(), nullable=False),
    sa.Column('created_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('used_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_invitations_account_id_accounts')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_invitations_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitations')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_invitations_token_hash'))
    )
    op.create_table('known_pictures',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('photo_id', sa.Uuid(), nullable=True),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('added_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_known_pictures_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_known_pictures'))
    )
    with op.batch_alter_table('known_pictures', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_known_pictures_person_id'), ['person_id'], unique=False)

    op.create_table('mandates',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('may_search', sa.Boolean(), nullable=False),
    sa.Column('may_capture', sa.Boolean(), nullable=False),
    sa.Column('may_notify', sa.Boolean(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('signed_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_mandates_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_mandates_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mandates'))
    )
    with op.batch_alter_table('mandates', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mandates_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mandates_person_id'), ['person_id'], unique=False)

    op.create_table('never_again',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('medium_id', sa.Uuid(), nullable=False),
    sa.Column('decided_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['medium_id'], ['media.id'], name=op.f('fk_never_again_medium_id_media')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_never_again_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_never_again')),
    sa.UniqueConstraint('person_id', 'medium_id', name=op.f('uq_never_again_person_id_medium_id'))
    )
    with op.batch_alter_table('never_again', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_never_again_person_id'), ['person_id'], unique=False)

    op.create_table('notices',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('regime', sa.String(), nullable=False),
    sa.Column('regime_version', sa.String(), nullable=False),
    sa.Column('host', sa.String(), nullable=False),
    sa.Column('receiver_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('pdf_file_id', sa.String(), nullable=True),
    sa.Column('json_file_id', sa.String(), nullable=True),
    sa.Column('made_by', sa.Uuid(), nullable=False),
    sa.Column('made_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('signed_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('filed_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('received_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('clock_ends_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['made_by'], ['accounts.id'], name=op.f('fk_notices_made_by_accounts')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_notices_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_notices_person_id_people')),
    sa.ForeignKeyConstraint(['receiver_id'], ['receivers.id'], name=op.f('fk_notices_receiver_id_receivers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notices'))
    )
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notices_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notices_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notices_state'), ['state'], unique=False)

    op.create_table('reference_photos',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('file_id', sa.String(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('added_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_reference_photos_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reference_photos'))
    )
    with op.batch_alter_table('reference_photos', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reference_photos_person_id'), ['person_id'], unique=False)

    op.create_table('releases',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('text_version', sa.String(), nullable=False),
    sa.Column('covers_faces', sa.Boolean(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('signed_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_releases_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_releases'))
    )
    with op.batch_alter_table('releases', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_releases_person_id'), ['person_id'], unique=False)

    op.create_table('reviewer_loans',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('lent_by', sa.Uuid(), nullable=False),
    sa.Column('lent_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_reviewer_loans_account_id_accounts')),
    sa.ForeignKeyConstraint(['lent_by'], ['accounts.id'], name=op.f('fk_reviewer_loans_lent_by_accounts')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_reviewer_loans_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reviewer_loans')),
    sa.UniqueConstraint('person_id', 'account_id', name=op.f('uq_reviewer_loans_person_id_account_id'))
    )
    with op.batch_alter_table('reviewer_loans', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reviewer_loans_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_reviewer_loans_person_id'), ['person_id'], unique=False)

    op.create_table('runs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('site_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('state_reason', sa.String(), nullable=False),
    sa.Column('serves', sa.JSON(), nullable=False),
    sa.Column('monitoring_purpose', sa.String(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('pages_seen', sa.Integer(), nullable=False),
    sa.Column('media_seen', sa.Integer(), nullable=False),
    sa.Column('media_examined', sa.Integer(), nullable=False),
    sa.Column('media_unreadable', sa.Integer(), nullable=False),
    sa.Column('faces_counted', sa.Integer(), nullable=False),
    sa.Column('candidates_found', sa.Integer(), nullable=False),
    sa.Column('refusals', sa.Integer(), nullable=False),
    sa.Column('bytes_fetched', sa.BigInteger(), nullable=False),
    sa.Column('examine_seconds', sa.Double(), nullable=False),
    sa.Column('created_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('started_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('finished_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_runs_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_runs_site_id_sites')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_runs'))
    )
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_runs_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_runs_site_id'), ['site_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_runs_state'), ['state'], unique=False)
        batch_op.create_index('uq_runs_one_live_per_site', ['site_id'], unique=True, sqlite_where=sa.text("state IN ('queued', 'running', 'paused')"), postgresql_where=sa.text("state IN ('queued', 'running', 'paused')"))

    op.create_table('sessions',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('person_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_sessions_account_id_accounts')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_sessions_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sessions'))
    )
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sessions_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_sessions_person_id'), ['person_id'], unique=False)

    op.create_table('candidates',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('medium_id', sa.Uuid(), nullable=True),
    sa.Column('run_id', sa.Uuid(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('host', sa.String(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('face_crop', sa.LargeBinary(), nullable=True),
    sa.Column('found_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('held_until', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('decided_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['medium_id'], ['media.id'], name=op.f('fk_candidates_medium_id_media')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_candidates_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_candidates_person_id_people')),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_candidates_run_id_runs')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_candidates')),
    sa.UniqueConstraint('person_id', 'medium_id', name=op.f('uq_candidates_person_id_medium_id'))
    )
    with op.batch_alter_table('candidates', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_candidates_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_candidates_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_candidates_run_id'), ['run_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_candidates_state'), ['state'], unique=False)

    op.create_table('frontier',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('url_key', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('depth', sa.Integer(), nullable=False),
    sa.Column('referrer', sa.String(), nullable=True),
    sa.Column('how', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('fencing_token', sa.Integer(), nullable=False),
    sa.Column('leased_by', sa.String(), nullable=True),
    sa.Column('leased_until', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('not_before', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('refusal_code', sa.String(), nullable=True),
    sa.Column('refusal_message', sa.String(), nullable=True),
    sa.Column('http_status', sa.Integer(), nullable=True),
    sa.Column('completed_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_frontier_run_id_runs')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_frontier')),
    sa.UniqueConstraint('run_id', 'url_key', name=op.f('uq_frontier_run_id_url_key'))
    )
    with op.batch_alter_table('frontier', schema=None) as batch_op:
        batch_op.create_index('ix_frontier_next', ['run_id', 'state', 'depth', 'id'], unique=False)

    op.create_table('reports',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('made_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_reports_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_reports_run_id_runs')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reports')),
    sa.UniqueConstraint('run_id', name=op.f('uq_reports_run_id'))
    )
    with op.batch_alter_table('reports', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reports_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('sightings',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('medium_id', sa.Uuid(), nullable=False),
    sa.Column('site_id', sa.Uuid(), nullable=True),
    sa.Column('run_id', sa.Uuid(), nullable=True),
    sa.Column('media_url', sa.String(), nullable=False),
    sa.Column('media_url_key', sa.String(), nullable=False),
    sa.Column('page_url', sa.String(), nullable=True),
    sa.Column('host', sa.String(), nullable=False),
    sa.Column('seen_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['medium_id'], ['media.id'], name=op.f('fk_sightings_medium_id_media')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_sightings_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_sightings_run_id_runs')),
    sa.ForeignKeyConstraint(['site_id'], ['sites.id'], name=op.f('fk_sightings_site_id_sites')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sightings')),
    sa.UniqueConstraint('run_id', 'medium_id', 'media_url_key', name=op.f('uq_sightings_run_id_medium_id_media_url_key'))
    )
    with op.batch_alter_table('sightings', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sightings_host'), ['host'], unique=False)
        batch_op.create_index(batch_op.f('ix_sightings_medium_id'), ['medium_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_sightings_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_sightings_run_id'), ['run_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_sightings_site_id'), ['site_id'], unique=False)

    op.create_table('templates',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('photo_id', sa.Uuid(), nullable=False),
    sa.Column('model_pack', sa.String(), nullable=False),
    sa.Column('model_digest', sa.String(), nullable=False),
    sa.Column('model_preprocessing', sa.Integer(), nullable=False),
    sa.Column('vector', sa.LargeBinary(), nullable=False),
    sa.Column('made_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_templates_person_id_people')),
    sa.ForeignKeyConstraint(['photo_id'], ['reference_photos.id'], name=op.f('fk_templates_photo_id_reference_photos')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_templates')),
    sa.UniqueConstraint('photo_id', 'model_digest', name=op.f('uq_templates_photo_id_model_digest'))
    )
    with op.batch_alter_table('templates', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_templates_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_templates_photo_id'), ['photo_id'], unique=False)

    op.create_table('captures',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('candidate_id', sa.Uuid(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('state_reason', sa.String(), nullable=False),
    sa.Column('file_id', sa.String(), nullable=True),
    sa.Column('document', sa.LargeBinary(), nullable=True),
    sa.Column('wanted_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('held_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('ended_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['candidate_id'], ['candidates.id'], name=op.f('fk_captures_candidate_id_candidates')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_captures_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_captures')),
    sa.UniqueConstraint('candidate_id', 'attempt', name=op.f('uq_captures_candidate_id_attempt'))
    )
    with op.batch_alter_table('captures', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_captures_candidate_id'), ['candidate_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_captures_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_captures_state'), ['state'], unique=False)

    op.create_table('confirmations',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('candidate_id', sa.Uuid(), nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('verdict', sa.String(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('decided_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_confirmations_account_id_accounts')),
    sa.ForeignKeyConstraint(['candidate_id'], ['candidates.id'], name=op.f('fk_confirmations_candidate_id_candidates')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_confirmations')),
    sa.UniqueConstraint('candidate_id', 'account_id', name=op.f('uq_confirmations_candidate_id_account_id'))
    )
    with op.batch_alter_table('confirmations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_confirmations_candidate_id'), ['candidate_id'], unique=False)

    op.create_table('custody',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('candidate_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('detail', sa.String(), nullable=False),
    sa.Column('at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('previous_hash', sa.String(), nullable=False),
    sa.Column('hash', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['candidate_id'], ['candidates.id'], name=op.f('fk_custody_candidate_id_candidates')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_custody_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_custody')),
    sa.UniqueConstraint('candidate_id', 'number', name=op.f('uq_custody_candidate_id_number'))
    )
    with op.batch_alter_table('custody', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_custody_candidate_id'), ['candidate_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_custody_person_id'), ['person_id'], unique=False)

    op.create_table('exhibits',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('candidate_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('state_reason', sa.String(), nullable=False),
    sa.Column('file_id', sa.String(), nullable=True),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('made_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('sealed_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['candidate_id'], ['candidates.id'], name=op.f('fk_exhibits_candidate_id_candidates')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_exhibits_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_exhibits_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exhibits')),
    sa.UniqueConstraint('candidate_id', 'version', name=op.f('uq_exhibits_candidate_id_version'))
    )
    with op.batch_alter_table('exhibits', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_exhibits_candidate_id'), ['candidate_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_exhibits_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_exhibits_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_exhibits_state'), ['state'], unique=False)

    op.create_table('notice_items',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('notice_id', sa.Uuid(), nullable=False),
    sa.Column('exhibit_id', sa.Uuid(), nullable=False),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('outcome_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['exhibit_id'], ['exhibits.id'], name=op.f('fk_notice_items_exhibit_id_exhibits')),
    sa.ForeignKeyConstraint(['notice_id'], ['notices.id'], name=op.f('fk_notice_items_notice_id_notices')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_items')),
    sa.UniqueConstraint('notice_id', 'exhibit_id', name=op.f('uq_notice_items_notice_id_exhibit_id'))
    )
    with op.batch_alter_table('notice_items', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notice_items_exhibit_id'), ['exhibit_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notice_items_notice_id'), ['notice_id'], unique=False)
    _make_audit_append_only()


def downgrade() -> None:
    """Take the change back."""
    _let_audit_go()
    with op.batch_alter_table('notice_items', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notice_items_notice_id'))
        batch_op.drop_index(batch_op.f('ix_notice_items_exhibit_id'))

    op.drop_table('notice_items')
    with op.batch_alter_table('exhibits', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_exhibits_state'))
        batch_op.drop_index(batch_op.f('ix_exhibits_person_id'))
        batch_op.drop_index(batch_op.f('ix_exhibits_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_exhibits_candidate_id'))

    op.drop_table('exhibits')
    with op.batch_alter_table('custody', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_custody_person_id'))
        batch_op.drop_index(batch_op.f('ix_custody_candidate_id'))

    op.drop_table('custody')
    with op.batch_alter_table('confirmations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_confirmations_candidate_id'))

    op.drop_table('confirmations')
    with op.batch_alter_table('captures', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_captures_state'))
        batch_op.drop_index(batch_op.f('ix_captures_person_id'))
        batch_op.drop_index(batch_op.f('ix_captures_candidate_id'))

    op.drop_table('captures')
    with op.batch_alter_table('templates', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_templates_photo_id'))
        batch_op.drop_index(batch_op.f('ix_templates_person_id'))

    op.drop_table('templates')
    with op.batch_alter_table('sightings', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sightings_site_id'))
        batch_op.drop_index(batch_op.f('ix_sightings_run_id'))
        batch_op.drop_index(batch_op.f('ix_sightings_organisation_id'))
        batch_op.drop_index(batch_op.f('ix_sightings_medium_id'))
        batch_op.drop_index(batch_op.f('ix_sightings_host'))

    op.drop_table('sightings')
    with op.batch_alter_table('reports', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reports_organisation_id'))

    op.drop_table('reports')
    with op.batch_alter_table('frontier', schema=None) as batch_op:
        batch_op.drop_index('ix_frontier_next')

    op.drop_table('frontier')
    with op.batch_alter_table('candidates', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_candidates_state'))
        batch_op.drop_index(batch_op.f('ix_candidates_run_id'))
        batch_op.drop_index(batch_op.f('ix_candidates_person_id'))
        batch_op.drop_index(batch_op.f('ix_candidates_organisation_id'))

    op.drop_table('candidates')
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sessions_person_id'))
        batch_op.drop_index(batch_op.f('ix_sessions_account_id'))

    op.drop_table('sessions')
    with op.batch_alter_table('runs', schema=None) as batch_op:
        batch_op.drop_index('uq_runs_one_live_per_site', sqlite_where=sa.text("state IN ('queued', 'running', 'paused')"), postgresql_where=sa.text("state IN ('queued', 'running', 'paused')"))
        batch_op.drop_index(batch_op.f('ix_runs_state'))
        batch_op.drop_index(batch_op.f('ix_runs_site_id'))
        batch_op.drop_index(batch_op.f('ix_runs_organisation_id'))

    op.drop_table('runs')
    with op.batch_alter_table('reviewer_loans', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reviewer_loans_person_id'))
        batch_op.drop_index(batch_op.f('ix_reviewer_loans_account_id'))

    op.drop_table('reviewer_loans')
    with op.batch_alter_table('releases', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_releases_person_id'))

    op.drop_table('releases')
    with op.batch_alter_table('reference_photos', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reference_photos_person_id'))

    op.drop_table('reference_photos')
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_notices_state'))
        batch_op.drop_index(batch_op.f('ix_notices_person_id'))
        batch_op.drop_index(batch_op.f('ix_notices_organisation_id'))

    op.drop_table('notices')
    with op.batch_alter_table('never_again', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_never_again_person_id'))

    op.drop_table('never_again')
    with op.batch_alter_table('mandates', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_mandates_person_id'))
        batch_op.drop_index(batch_op.f('ix_mandates_organisation_id'))

    op.drop_table('mandates')
    with op.batch_alter_table('known_pictures', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_known_pictures_person_id'))

    op.drop_table('known_pictures')
    op.drop_table('invitations')
    with op.batch_alter_table('attestations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_attestations_person_id'))

    op.drop_table('attestations')
    with op.batch_alter_table('sites', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sites_organisation_id'))

    op.drop_table('sites')
    with op.batch_alter_table('receivers', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_receivers_organisation_id'))

    op.drop_table('receivers')
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_people_state'))
        batch_op.drop_index(batch_op.f('ix_people_organisation_id'))

    op.drop_table('people')
    with op.batch_alter_table('erasure_receipts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_erasure_receipts_person_id'))

    op.drop_table('erasure_receipts')
    with op.batch_alter_table('accounts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_accounts_organisation_id'))

    op.drop_table('accounts')
    op.drop_table('rate_buckets')
    op.drop_table('organisations')
    op.drop_table('media')
    op.drop_table('host_slots')
    op.drop_table('gallery_change')
    op.drop_table('audit')


def _make_audit_append_only() -> None:
    """Triggers that refuse updates and deletes (and truncation, where that exists)."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
            "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
        )
        op.execute(
            "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{act.lower()} BEFORE {act} ON audit "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )


def _let_audit_go() -> None:
    """Triggers first: a table with them cannot be emptied by the way down."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_no_truncate ON audit")
        op.execute("DROP TRIGGER audit_no_change ON audit")
        op.execute("DROP FUNCTION audit_is_append_only()")
        return
    for act in ("update", "delete"):
        op.execute(f"DROP TRIGGER audit_no_{act}")
