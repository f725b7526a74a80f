#include "proto/wireguard/wg_quick.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wg_quick_walk w = wg_quick_begin(span_of(data, size));
	struct wg_quick_line l;
	struct span item;
	uint32_t number = 0;

	while (wg_quick_next(&w, &l)) {
		ASSERT(l.number > number);
		number = l.number;
		ASSERT(l.kind != WG_QUICK_SETTING || l.section);
		ASSERT(l.kind == WG_QUICK_SETTING || l.key == WG_QUICK_UNKNOWN);
		for (size_t n = 0; wg_quick_item(&l.value, &item); n++)
			ASSERT(item.len && n < size);
	}
	return 0;
}
