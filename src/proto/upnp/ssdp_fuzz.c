#include "proto/upnp/ssdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssdp_search s;
	if (ssdp_search_read(span_of(data, size), &s))
		return 0;
	ASSERT(s.target.len && s.target.data >= data &&
	       s.target.data + s.target.len <= data + size);
	ASSERT(s.mx_s <= SSDP_MX_MAX);
	return 0;
}
