"""Opening and sealing the rows of this room: the one place that knows each row's context."""

from __future__ import annotations

from service.enrolment.documents import (
    AttestationDocument,
    MandateDocument,
    NameDocument,
    PersonDocument,
    PhotoDocument,
    RefusalDocument,
    ReleaseDocument,
)
from service.enrolment.models import (
    Attestation,
    Mandate,
    Person,
    ReferencePhoto,
    Release,
    StoredTemplate,
    TemplateRefusal,
)
from service.enrolment.names_models import ChosenName
from service.vault import Vault

PHOTO_FILE = "reference photo"


class SealedRows:
    """Documents of people, sealed under their own keys and bound to their rows."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def person(self, row: Person) -> PersonDocument:
        """What a person's row keeps sealed."""
        return self._vault.unseal_document(
            row.id, f"people.document:{row.id}", row.document, PersonDocument
        )

    def put_person(self, row: Person, document: PersonDocument) -> None:
        """Replace a person's document."""
        row.document = self._vault.seal_document(row.id, f"people.document:{row.id}", document)

    def release(self, row: Release) -> ReleaseDocument:
        """A release as signed."""
        return self._vault.unseal_document(
            row.person_id, f"releases.document:{row.id}", row.document, ReleaseDocument
        )

    def put_release(self, row: Release, document: ReleaseDocument) -> None:
        """Seal a release."""
        row.document = self._vault.seal_document(
            row.person_id, f"releases.document:{row.id}", document
        )

    def mandate(self, row: Mandate) -> MandateDocument:
        """A mandate as signed."""
        return self._vault.unseal_document(
            row.person_id, f"mandates.document:{row.id}", row.document, MandateDocument
        )

    def put_mandate(self, row: Mandate, document: MandateDocument) -> None:
        """Seal a mandate."""
        row.document = self._vault.seal_document(
            row.person_id, f"mandates.document:{row.id}", document
        )

    def attestation(self, row: Attestation) -> AttestationDocument:
        """How an advocate checked, or why they refused."""
        return self._vault.unseal_document(
            row.person_id, f"attestations.document:{row.id}", row.document, AttestationDocument
        )

    def put_attestation(self, row: Attestation, document: AttestationDocument) -> None:
        """Seal an attestation."""
        row.document = self._vault.seal_document(
            row.person_id, f"attestations.document:{row.id}", document
        )

    def photo(self, row: ReferencePhoto) -> PhotoDocument:
        """Hashes, quality and face crop of a reference photo."""
        return self._vault.unseal_document(
            row.person_id, f"reference_photos.document:{row.id}", row.document, PhotoDocument
        )

    def put_photo(self, row: ReferencePhoto, document: PhotoDocument) -> None:
        """Seal a photo's document."""
        row.document = self._vault.seal_document(
            row.person_id, f"reference_photos.document:{row.id}", document
        )

    def vector(self, row: StoredTemplate) -> bytes:
        """A template: little-endian float32, unit length."""
        return self._vault.unseal(row.person_id, f"templates.vector:{row.id}", row.vector)

    def put_vector(self, row: StoredTemplate, vector: bytes) -> None:
        """Seal a template."""
        row.vector = self._vault.seal(row.person_id, f"templates.vector:{row.id}", vector)

    def refusal(self, row: TemplateRefusal) -> RefusalDocument:
        """Why a model could make no template of a photo."""
        return self._vault.unseal_document(
            row.person_id, f"template_refusals.document:{row.id}", row.document, RefusalDocument
        )

    def put_refusal(self, row: TemplateRefusal, document: RefusalDocument) -> None:
        """Seal a refusal."""
        row.document = self._vault.seal_document(
            row.person_id, f"template_refusals.document:{row.id}", document
        )

    def name(self, row: ChosenName) -> NameDocument:
        """A chosen name."""
        return self._vault.unseal_document(
            row.person_id, f"chosen_names.document:{row.id}", row.document, NameDocument
        )

    def put_name(self, row: ChosenName, document: NameDocument) -> None:
        """Seal a chosen name."""
        row.document = self._vault.seal_document(
            row.person_id, f"chosen_names.document:{row.id}", document
        )
