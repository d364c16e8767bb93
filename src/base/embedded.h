/* Files compiled into the library (cmake/embed.cmake); sizes in bytes, a NUL follows. */
#ifndef SC_BASE_EMBEDDED_H
#define SC_BASE_EMBEDDED_H

#include <stddef.h>

extern const unsigned char sc_embedded_chart_js[];
extern const size_t sc_embedded_chart_js_size;
extern const unsigned char sc_embedded_reader_weights[];
extern const size_t sc_embedded_reader_weights_size;
extern const unsigned char sc_embedded_page_html[];
extern const size_t sc_embedded_page_html_size;
extern const unsigned char sc_embedded_head_html[];
extern const size_t sc_embedded_head_html_size;
extern const unsigned char sc_embedded_diff_html[];
extern const size_t sc_embedded_diff_html_size;
extern const unsigned char sc_embedded_summary_html[];
extern const size_t sc_embedded_summary_html_size;
extern const unsigned char sc_embedded_risk_html[];
extern const size_t sc_embedded_risk_html_size;
extern const unsigned char sc_embedded_page_css[];
extern const size_t sc_embedded_page_css_size;
extern const unsigned char sc_embedded_tree_js[];
extern const size_t sc_embedded_tree_js_size;
extern const unsigned char sc_embedded_page_js[];
extern const size_t sc_embedded_page_js_size;
extern const unsigned char sc_embedded_synthetic_json[];
extern const size_t sc_embedded_synthetic_json_size;
extern const unsigned char sc_embedded_qwen3guard_prompt[];
extern const size_t sc_embedded_qwen3guard_prompt_size;
extern const unsigned char sc_embedded_qwen3guard_response[];
extern const size_t sc_embedded_qwen3guard_response_size;
extern const unsigned char sc_embedded_wildguard[];
extern const size_t sc_embedded_wildguard_size;
extern const unsigned char sc_embedded_qwen3guard_json[];
extern const size_t sc_embedded_qwen3guard_json_size;
extern const unsigned char sc_embedded_wildguard_json[];
extern const size_t sc_embedded_wildguard_json_size;
extern const unsigned char sc_embedded_harmbench_json[];
extern const size_t sc_embedded_harmbench_json_size;
extern const unsigned char sc_embedded_shieldgemma_json[];
extern const size_t sc_embedded_shieldgemma_json_size;
extern const unsigned char sc_embedded_llamaguard_json[];
extern const size_t sc_embedded_llamaguard_json_size;
extern const unsigned char sc_embedded_strongreject[];
extern const size_t sc_embedded_strongreject_size;
extern const unsigned char sc_embedded_strongreject_json[];
extern const size_t sc_embedded_strongreject_json_size;

#endif
