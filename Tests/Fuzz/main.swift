// Has libFuzzer search for bytes that break one target, which FUZZ_TARGET names. The arguments are libFuzzer's.
import Foundation

/// libFuzzer's own main function (https://llvm.org/docs/LibFuzzer.html), which Swift's replaces.
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ run: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(runDriver(&count, &arguments) { fuzzOneInput($0, $1) })
