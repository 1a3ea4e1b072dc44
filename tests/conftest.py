"""Settings of the whole suite."""

from hypothesis import settings

# a shared machine is sometimes slow: what is slow by itself shows in the benchmarks
settings.register_profile("mpcwallet", deadline=None)
settings.load_profile("mpcwallet")
