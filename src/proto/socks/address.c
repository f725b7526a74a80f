#include "proto/socks/address.h"

bool socks_name_is_good(struct span name)
{
	if (!name.len || name.len > SOCKS_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];
		uint8_t lower = c | 0x20;
		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= ':') && c != '-' &&
		    c != '_' && c != '.')
			return false;
	}
	return true;
}
