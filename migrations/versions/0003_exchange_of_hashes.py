"""Exchange of hashes: lists with their entries and what was found from them; programmes.

- `hash_connections`, `hash_lists`, `hash_list_entries`, `hash_list_change`, `hash_list_hits`: lists
  of hashes that an organisation is entitled to, where they come from, and where their media were
  seen. Entries carry the attempt of the import that added them, so that an import of a million
  lines comes into force at one moment without one long transaction.
- `hash_programme_consents`, `hash_programme_exports`, `hash_hand_overs`: what a person agreed to,
  what was handed over for them, and where they went themselves; sealed under their key.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table('hash_list_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('change', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_list_change'))
    )
    op.create_table('hash_connections',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('bank', sa.String(), nullable=False),
    sa.Column('takes_exports', sa.Boolean(), nullable=False),
    sa.Column('run_by', sa.String(), nullable=False),
    sa.Column('terms', sa.String(), nullable=False),
    sa.Column('entitlement', sa.String(), nullable=False),
    sa.Column('entitled_by', sa.String(), nullable=False),
    sa.Column('secret', sa.LargeBinary(), nullable=True),
    sa.Column('added_by', sa.Uuid(), nullable=True),
    sa.Column('added_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('closed_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['added_by'], ['accounts.id'], name=op.f('fk_hash_connections_added_by_accounts')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_hash_connections_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_connections')),
    sa.UniqueConstraint('organisation_id', 'name', name=op.f('uq_hash_connections_organisation_id_name'))
    )
    op.create_index(op.f('ix_hash_connections_organisation_id'), 'hash_connections', ['organisation_id'], unique=False)
    op.create_table('hash_hand_overs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('service', sa.String(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('noted_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_hash_hand_overs_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_hand_overs')),
    sa.UniqueConstraint('person_id', 'service', name=op.f('uq_hash_hand_overs_person_id_service'))
    )
    op.create_index(op.f('ix_hash_hand_overs_person_id'), 'hash_hand_overs', ['person_id'], unique=False)
    op.create_table('hash_lists',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('given_by', sa.String(), nullable=False),
    sa.Column('terms', sa.String(), nullable=False),
    sa.Column('entitlement', sa.String(), nullable=False),
    sa.Column('entitled_by', sa.String(), nullable=False),
    sa.Column('connection_id', sa.Uuid(), nullable=True),
    sa.Column('selection', sa.String(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('live', sa.Integer(), nullable=False),
    sa.Column('floor', sa.Integer(), nullable=False),
    sa.Column('pdq_entries', sa.BigInteger(), nullable=False),
    sa.Column('sha256_entries', sa.BigInteger(), nullable=False),
    sa.Column('md5_entries', sa.BigInteger(), nullable=False),
    sa.Column('checkpoint', sa.String(), nullable=True),
    sa.Column('problem', sa.String(), nullable=False),
    sa.Column('added_by', sa.Uuid(), nullable=True),
    sa.Column('added_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('changed_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('tried_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.Column('removed_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['added_by'], ['accounts.id'], name=op.f('fk_hash_lists_added_by_accounts')),
    sa.ForeignKeyConstraint(['connection_id'], ['hash_connections.id'], name=op.f('fk_hash_lists_connection_id_hash_connections')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_hash_lists_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_lists')),
    sa.UniqueConstraint('organisation_id', 'name', name=op.f('uq_hash_lists_organisation_id_name'))
    )
    op.create_index(op.f('ix_hash_lists_connection_id'), 'hash_lists', ['connection_id'], unique=False)
    op.create_index(op.f('ix_hash_lists_organisation_id'), 'hash_lists', ['organisation_id'], unique=False)
    op.create_table('hash_programme_consents',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('connection_id', sa.Uuid(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('given_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', service.database.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['hash_connections.id'], name=op.f('fk_hash_programme_consents_connection_id_hash_connections')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_hash_programme_consents_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_programme_consents'))
    )
    op.create_index(op.f('ix_hash_programme_consents_connection_id'), 'hash_programme_consents', ['connection_id'], unique=False)
    op.create_index(op.f('ix_hash_programme_consents_person_id'), 'hash_programme_consents', ['person_id'], unique=False)
    op.create_table('hash_list_entries',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('list_id', sa.Uuid(), nullable=False),
    sa.Column('source_key', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('value', sa.LargeBinary(), nullable=False),
    sa.Column('added_in', sa.Integer(), nullable=False),
    sa.Column('seen_in', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['hash_lists.id'], name=op.f('fk_hash_list_entries_list_id_hash_lists')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_list_entries')),
    sa.UniqueConstraint('kind', 'value', 'list_id', 'source_key', name=op.f('uq_hash_list_entries_kind_value_list_id_source_key')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_hash_list_entries_of_list', 'hash_list_entries', ['list_id', 'source_key'], unique=False)
    op.create_table('hash_list_hits',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('list_id', sa.Uuid(), nullable=True),
    sa.Column('list_name', sa.String(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=True),
    sa.Column('medium_id', sa.Uuid(), nullable=True),
    sa.Column('media_url', sa.String(), nullable=False),
    sa.Column('page_url', sa.String(), nullable=True),
    sa.Column('address_key', sa.String(), nullable=False),
    sa.Column('host', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('distance', sa.Integer(), nullable=False),
    sa.Column('seen_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['hash_lists.id'], name=op.f('fk_hash_list_hits_list_id_hash_lists')),
    sa.ForeignKeyConstraint(['medium_id'], ['media.id'], name=op.f('fk_hash_list_hits_medium_id_media')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_hash_list_hits_organisation_id_organisations')),
    sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_hash_list_hits_run_id_runs')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_list_hits')),
    sa.UniqueConstraint('list_id', 'run_id', 'address_key', name=op.f('uq_hash_list_hits_list_id_run_id_address_key'))
    )
    op.create_index(op.f('ix_hash_list_hits_list_id'), 'hash_list_hits', ['list_id'], unique=False)
    op.create_index(op.f('ix_hash_list_hits_medium_id'), 'hash_list_hits', ['medium_id'], unique=False)
    op.create_index(op.f('ix_hash_list_hits_organisation_id'), 'hash_list_hits', ['organisation_id'], unique=False)
    op.create_index(op.f('ix_hash_list_hits_run_id'), 'hash_list_hits', ['run_id'], unique=False)
    op.create_table('hash_programme_exports',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('connection_id', sa.Uuid(), nullable=False),
    sa.Column('consent_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('form', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('hashes', sa.Integer(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('made_at', service.database.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_hash_programme_exports_account_id_accounts')),
    sa.ForeignKeyConstraint(['connection_id'], ['hash_connections.id'], name=op.f('fk_hash_programme_exports_connection_id_hash_connections')),
    sa.ForeignKeyConstraint(['consent_id'], ['hash_programme_consents.id'], name=op.f('fk_hash_programme_exports_consent_id_hash_programme_consents')),
    sa.ForeignKeyConstraint(['person_id'], ['people.id'], name=op.f('fk_hash_programme_exports_person_id_people')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hash_programme_exports'))
    )
    op.create_index(op.f('ix_hash_programme_exports_connection_id'), 'hash_programme_exports', ['connection_id'], unique=False)
    op.create_index(op.f('ix_hash_programme_exports_person_id'), 'hash_programme_exports', ['person_id'], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table('hash_programme_exports')
    op.drop_table('hash_list_hits')
    op.drop_table('hash_list_entries')
    op.drop_table('hash_programme_consents')
    op.drop_table('hash_lists')
    op.drop_table('hash_hand_overs')
    op.drop_table('hash_connections')
    op.drop_table('hash_list_change')
