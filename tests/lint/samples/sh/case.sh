case "$MODEL" in
  kimi-k2-0711-preview|kimi-latest) echo "retired" >&2; exit 1 ;;
esac
