#include "import/format_fuzz.h"
#include "import/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	format_fuzz(import_isc_dhcpd, span_of(data, size));
	return 0;
}
