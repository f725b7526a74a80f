/* A table of devices that somebody else wrote, its head made right: refused, or safe to look in. */
#include "policy/device.h"
#include "policy/identity.h"

#include "base/span.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_tables t = {0};
	struct policy_devices right;
	struct policy_identity i;
	const struct ip_address at = ip_address_v4(192, 0, 2, 1);
	size_t len = policy_devices_size(POLICY_DEVICES_SLOTS_MIN), words = 4 * sizeof(uint64_t);
	err_ignore(size < 8 ? ERR_FORMAT
			    : policy_devices_open(span_of(data, size / 8 * 8), &right));
	uint8_t *copy = calloc(1, len);
	if (!copy)
		return 0;
	policy_devices_begin(copy, POLICY_DEVICES_SLOTS_MIN, (struct hash_key){1, 2}, &right);
	if (size)
		memcpy(copy + words, data, size < len - words ? size : len - words);
	enum err e = policy_devices_open(span_of(copy, len), &t.leases);
	ASSERT(!e);
	t.peers = t.neighbours = t.leases;
	for (uint64_t now_s = 0; now_s < 3; now_s++) {
		policy_identify(&t, &at, now_s, &i);
		ASSERT(i.client.lease.len <= POLICY_DEVICE_TEXT_MAX &&
		       i.client.peer.len <= POLICY_DEVICE_TEXT_MAX &&
		       i.client.user.len <= POLICY_DEVICE_TEXT_MAX &&
		       i.duid_len <= POLICY_DEVICE_DUID_MAX);
	}
	free(copy);
	return 0;
}
