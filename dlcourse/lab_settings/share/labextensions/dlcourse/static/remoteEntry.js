// An extension of JupyterLab, written by hand: nothing to build. JupyterLab loads this script and asks for './extension'.
(() => {
  // Lines of text stay short enough to read; code and figures keep the whole width.
  const STYLE = '.jp-MarkdownCell .jp-RenderedMarkdown { max-width: 48em; }';
  const DESCRIPTION = '.jupyter-widgets > .widget-label:not(.jupyter-widgets)';
  const CONTROLS = '[role=slider], .widget-readout, select, textarea, input:not([type=radio], [type=checkbox])';

  const START = 'START.md'; // the course writes it anew whenever an exercise is solved

  // ipywidgets shows description and value beside a control; a screen reader needs them on the control itself.
  const nameControls = () => {
    for (const description of document.querySelectorAll(DESCRIPTION)) {
      const name = description.textContent.trim();
      for (const control of name ? description.parentElement.querySelectorAll(CONTROLS) : []) {
        setTo(control, 'aria-label', name);
      }
    }
    for (const slider of document.querySelectorAll('.jupyter-widgets [role=slider]')) {
      const value = slider.closest('.jupyter-widgets').querySelector('.widget-readout')?.textContent.trim();
      if (value) setTo(slider, 'aria-valuetext', value);
    }
  };

  const setTo = (element, attribute, text) => {
    if (element.getAttribute(attribute) !== text) element.setAttribute(attribute, text);
  };

  // Whoever comes back to the START page sees what is on the disk, and not what was there when it was opened.
  const readAnew = (_, { newValue }) => {
    const context = newValue?.context;
    if (context?.path === START && context.isReady && !context.model.dirty) context.revert();
  };

  const activate = (app) => {
    app.shell.currentChanged?.connect(readAnew);
    document.head.appendChild(document.createElement('style')).textContent = STYLE;
    let waiting = false; // many changes come at once: look once for all of them, before the next picture
    const soon = () => {
      if (!waiting) requestAnimationFrame(() => { waiting = false; nameControls(); });
      waiting = true;
    };
    new MutationObserver(soon).observe(document.body, { childList: true, subtree: true, characterData: true });
  };

  const plugin = { id: 'dlcourse:reading', autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.dlcourse = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
