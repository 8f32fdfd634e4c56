internal import COpenSSL
public import NIOCore
