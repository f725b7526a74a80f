#include "base/writer.h"
#include "config/report.h"
#include "config/sample_test.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any text is a configuration, or has at least one error that can be shown. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t shown[CONFIG_REPORT_JSON_MAX];
	struct config *c = NULL;
	struct config_report report = {0};
	enum err err = sample_parse(span_of(data, size), &c, &report);
	ASSERT(err == OK || err == ERR_CONFIG);
	ASSERT((err == OK) == (report.n == 0 && report.more == 0));
	ASSERT((err == OK) == (c != NULL) && (!c || config_global(c)));
	struct writer w = writer_of(shown, CONFIG_REPORT_PRINT_MAX);
	config_report_print(&report, &w);
	ASSERT(!w.bad);
	w = writer_of(shown, sizeof(shown));
	config_report_json(&report, &w);
	ASSERT(!w.bad);
	config_report_done(&report);
	config_free(c);
	return 0;
}
