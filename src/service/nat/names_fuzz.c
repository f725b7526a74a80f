/* Any octets as the answer to a question for a name. */
#include "service/nat/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nat_name name = {0};
	struct nat_name_answer answer;
	if (dns_name_from_text(span_text("nas.lan."), NULL, &name.name))
		return 0;
	for (enum nat_name_family f = NAT_NAME_V4; f < NAT_NAME_FAMILIES; f++)
		if (nat_names_read(span_of(data, size), &name, f, 0x1234, &answer) == OK) {
			ASSERT(answer.n <= NAT_NAME_ADDRESSES_MAX);
			for (size_t i = 0; i < answer.n; i++)
				ASSERT(ip_address_len(&answer.addresses[i]) ==
				       (f == NAT_NAME_V4 ? 4U : 16U));
		}
	return 0;
}
