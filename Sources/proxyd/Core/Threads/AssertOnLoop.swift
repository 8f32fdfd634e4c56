import NIOCore

/// In debug builds, traps when the caller is not on the given loop.
@inline(__always)
func assertOnLoop(_ loop: @autoclosure () -> any EventLoop, function: StaticString = #function) {
    assert(loop().inEventLoop, "\(function) was called off its loop")
}
