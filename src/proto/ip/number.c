#include "proto/ip/number.h"

bool ip_number_parse(struct span text, uint32_t max, uint32_t *ret)
{
	uint64_t number;
	if (text.len > 1 && text.data[0] == '0')
		return false;
	if (!span_to_u64(text, max, &number))
		return false;
	*ret = (uint32_t)number;
	return true;
}
