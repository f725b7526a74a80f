/* The numbers of version 2 of the PROXY protocol, for those who read it and those who write it.
 * Knows no function of either. */
#ifndef PROTO_PROXY_HEADER_INNER_H
#define PROTO_PROXY_HEADER_INNER_H

enum {
	PP2_SIGNATURE_LEN = 12,
	PP2_FIXED_LEN = 16, /* signature, command, family, length */
	PP2_LOCAL = 0x20,   /* version 2 in the high half */
	PP2_PROXY = 0x21,
	PP2_FAMILY_UNSPEC = 0,
	PP2_FAMILY_INET = 1,
	PP2_FAMILY_INET6 = 2,
	PP2_FAMILY_UNIX = 3,
	PP2_STREAM = 1,
	PP2_DATAGRAM = 2,
	PP2_CRC_LEN = 4,
};

/* 2.2.1 to 2.2.7 */
enum {
	PP2_TYPE_ALPN = 0x01,
	PP2_TYPE_AUTHORITY = 0x02,
	PP2_TYPE_CRC32C = 0x03,
	PP2_TYPE_UNIQUE_ID = 0x05,
	PP2_TYPE_SSL = 0x20,
	PP2_TYPE_SSL_VERSION = 0x21,
	PP2_TYPE_SSL_CN = 0x22,
	PP2_TYPE_SSL_CIPHER = 0x23,
	PP2_TYPE_SSL_SIGNATURE = 0x24,
	PP2_TYPE_SSL_KEY = 0x25,
	PP2_TYPE_NETNS = 0x30,
	PP2_CLIENT_SSL = 0x01,
	PP2_CLIENT_CERT_CONN = 0x02,
	PP2_CLIENT_CERT_SESS = 0x04,
};

static const char proxy_header_signature[] = "\r\n\r\n\0\r\nQUIT\n";

#endif
