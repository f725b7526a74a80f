#include "proto/wireguard/message.h"

enum wg_kind wg_message_kind(struct span datagram)
{
	if (datagram.len < WG_TRANSPORT_MIN)
		return WG_NONE;
	switch (wg_get_u32(datagram.data)) {
	case WG_INITIATION: return datagram.len == WG_INITIATION_LEN ? WG_INITIATION : WG_NONE;
	case WG_RESPONSE: return datagram.len == WG_RESPONSE_LEN ? WG_RESPONSE : WG_NONE;
	case WG_COOKIE_REPLY:
		return datagram.len == WG_COOKIE_REPLY_LEN ? WG_COOKIE_REPLY : WG_NONE;
	case WG_TRANSPORT: return WG_TRANSPORT;
	default: return WG_NONE;
	}
}
