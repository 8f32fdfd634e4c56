#!/bin/sh
# Builds the release. With Swift's library inside each program, calls into it are cheaper, and the program runs without Swift
# being installed. Link-time optimisation works across modules. It fails on some debugging information of async functions, so
# there is none.
set -eu
cd "$(dirname "$0")/.."

# Each object names the libraries that it needs, and the linker would map each library once for each object, which exceeds the
# kernel's limit (vm.max_map_count). So they are named here, once. FoundationNetworking, which only an unused part of FlyingFox
# needs, calls libcurl, which is where Swift is.
libraries=""
for name in Foundation FoundationInternationalization FoundationEssentials CoreFoundation _FoundationICU _FoundationCShims \
    _FoundationCollections swiftDispatch dispatch BlocksRuntime swiftSynchronization swiftGlibc swift_Concurrency \
    swift_StringProcessing swift_RegexParser crypt brotlidec sqlite3 FoundationNetworking _CFURLSessionInterface \
    :libcurl.so.4; do
    libraries="$libraries -Xlinker -l$name"
done
export PROXYD_LTO=thin
exec swift build -c release --static-swift-stdlib --experimental-lto-mode thin -debug-info-format none \
    -Xswiftc -use-ld=lld -Xlinker --no-dependent-libraries -Xlinker --as-needed $libraries "$@"
