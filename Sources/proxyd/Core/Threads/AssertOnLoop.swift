import NIOCore

/// Stops a debug build in which something is touched elsewhere than on the loop that it is confined to.
@inline(__always)
func assertOnLoop(_ loop: @autoclosure () -> any EventLoop, function: StaticString = #function) {
    assert(loop().inEventLoop, "\(function) was called off its loop")
}
