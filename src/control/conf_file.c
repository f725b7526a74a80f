#include "control/conf_file.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err secret_read(void *arg, const char *path, uint8_t *buf, size_t size, size_t *ret_len)
{
	char *text = NULL;
	size_t len;
	(void)arg;
	TRY(file_read(path, size, &text, &len));
	memcpy(buf, text, len); /* at most size bytes, as file_read was told */
	explicit_bzero(text, len);
	free(text);
	*ret_len = len;
	return OK;
}

enum err conf_file_judge(const char *path, const struct config_sections *sections,
			 struct config **ret, struct config_report *ret_report)
{
	char *text = NULL;
	size_t len;
	TRY(file_read(path, CONFIG_TEXT_MAX, &text, &len));
	struct config_input input = {
		.text = span_of(text, len), .file_name = path, .read_file = secret_read};
	enum err e = config_parse(sections, &input, ret, ret_report);
	explicit_bzero(text, len);
	free(text);
	return e;
}

void conf_file_tell(const struct config_report *report)
{
	uint8_t *text = malloc(CONFIG_REPORT_PRINT_MAX);
	if (!text)
		return;
	struct writer w = writer_of(text, CONFIG_REPORT_PRINT_MAX);
	config_report_print(report, &w);
	(void)fwrite(text, 1, w.pos, stderr);
	free(text);
}
