"""The legs of a collection as the release in service has them: what its build found out, and what they weigh."""

from app.schemas.legs import CalibrationAnswer, LanguageLegsAnswer, LegsAnswer, MoveAnswer
from app.services.state import Services
from indexing.errors import NotFound
from indexing.indexes.languages import language_name
from indexing.records import Partition
from indexing.releases.leg_rule import leg_warnings
from indexing.snapshots.collection_calibration import CollectionCalibration


def legs_of(services: Services, partition: Partition) -> LegsAnswer:
    """What is known of the legs of a collection; of one that only the live layer holds, the recipe's weight alone.

    Raises:
        NotFound: nothing of it is in service.
    """
    serving = services.pool.current()
    if serving.view(partition) is None:
        raise NotFound(
            f"Nothing of a collection {partition.collection!r} is in service: check the name, or build first."
        )
    manifest = serving.snapshot.manifest
    mine = [one for one in manifest.legs if one.partition == partition]
    found = [pair for one in mine for pair in one.languages.items()]
    return LegsAnswer(
        release=serving.release.number,
        snapshot=serving.snapshot.id,
        model=serving.recipe.model,
        languages=[
            LanguageLegsAnswer(language=code, name=language_name(code), **counts.to_json())
            for code, counts in sorted(found, key=lambda pair: (-pair[1].samples, pair[0]))
        ],
        dense_weight=serving.dense_weight(partition),
        recipe_dense_weight=serving.recipe.retrieval.dense_weight,
        calibration=_calibration(serving.snapshot.calibration(partition)),
        warnings=leg_warnings(manifest.model, mine),
    )


def _calibration(found: CollectionCalibration | None) -> CalibrationAnswer:
    if found is None:
        return CalibrationAnswer(source="general", samples=0, modes={})
    modes = {mode: MoveAnswer(shift=move.shift, stretch=move.stretch) for mode, move in found.modes.items()}
    return CalibrationAnswer.model_validate({"source": found.source, "samples": found.samples, "modes": modes})
