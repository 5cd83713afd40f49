"""Configurations as a desired state carries them; experiments and the production collector read them here."""

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.opamp.desired_state import DesiredPipeline
from phoenix_platform.pipelines.configurations import Configuration, parse_configuration


def configuration_of(pipeline: DesiredPipeline) -> Configuration:
    """Read its text, and hold it to its hash.

    Raises:
        InvalidInputError: If it is no configuration, or another one than was meant.
    """
    configuration = parse_configuration(pipeline.text, name=pipeline.name)
    if configuration.hash != pipeline.hash:
        raise InvalidInputError(
            f"{pipeline.name}: its text has the hash {configuration.hash}, not {pipeline.hash}; was it "
            "changed on the way?"
        )
    return configuration
