import {
  BarGaugeDisplayMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common'
import {
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Page, Panel, Query, Variable } from './page.ts'

/** Chosen at the top of the page, so that a dashboard also works in a Grafana that has several Prometheus servers. */
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const

const PANEL_HEIGHT = 8
const RED_FROM_ONE = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
  { value: null, color: 'green' },
  { value: 1, color: 'red' },
])

/** Grafana's JSON of a page: the same page gives the same bytes, ids and positions included. */
export function dashboardJson(page: Page): string {
  const dashboard = new DashboardBuilder(page.title)
    .uid(page.uid)
    .description(page.description)
    .tags([...page.tags])
    // Provisioned from files: what somebody changes by hand would be lost at the next start.
    .readonly()
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
  for (const variable of page.variables) dashboard.withVariable(queryVariable(variable))

  let id = 0
  for (const row of page.rows) {
    dashboard.withRow(new RowBuilder(row.title).id(++id))
    for (const panel of row.panels) dashboard.withPanel(panelBuilder(panel, ++id))
  }
  return `${JSON.stringify(dashboard.build(), null, 2)}\n`
}

function queryVariable({ name, label, metric }: Variable): QueryVariableBuilder {
  return (
    new QueryVariableBuilder(name)
      .label(label)
      .datasource(DATASOURCE)
      .query({ query: `label_values(${metric}, ${name})`, refId: `variable-${name}` })
      .definition(`label_values(${metric}, ${name})`)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Not the list of all values, which is long, and wrong as soon as a campaign begins.
      .allValue('.*')
      .current({ text: 'All', value: '$__all' })
  )
}

type AnyPanelBuilder = TimeseriesBuilder | StatBuilder | BarGaugeBuilder | StateTimelineBuilder

function panelBuilder(panel: Panel, id: number): AnyPanelBuilder {
  const builder = ofKind(panel)
  builder
    .id(id)
    .title(panel.title)
    .description(panel.description)
    .datasource(DATASOURCE)
    .unit(panel.unit)
    .span(panel.width)
    .height(panel.height ?? PANEL_HEIGHT)
  for (const [index, query] of panel.queries.entries()) builder.withTarget(target(panel, query, index))
  return builder
}

function target(panel: Panel, query: Query, index: number): DataqueryBuilder {
  const refId = String.fromCharCode('A'.charCodeAt(0) + index)
  const builder = new DataqueryBuilder().refId(refId).expr(query.expr).legendFormat(query.legend).datasource(DATASOURCE)
  return panel.kind === 'number' || panel.kind === 'bars' ? builder.instant() : builder.range()
}

function ofKind(panel: Panel): AnyPanelBuilder {
  switch (panel.kind) {
    case 'lines':
      return timeseries()
    case 'stack':
      return timeseries().fillOpacity(40).stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
    case 'number':
      return new StatBuilder().graphMode(BigValueGraphMode.None).reduceOptions(lastValue())
    case 'bars':
      return new BarGaugeBuilder()
        .orientation(VizOrientation.Horizontal)
        .displayMode(BarGaugeDisplayMode.Basic)
        .min(0)
        .reduceOptions(lastValue())
    case 'states':
      return new StateTimelineBuilder()
        .thresholds(RED_FROM_ONE)
        .showValue(VisibilityMode.Never)
        .mergeValues(true)
        .mappings([{ type: MappingType.ValueToText, options: { '0': { text: 'no' }, '1': { text: 'yes' } } }])
  }
}

function timeseries(): TimeseriesBuilder {
  return (
    new TimeseriesBuilder()
      // Soft: the slack of a late campaign is negative.
      .axisSoftMin(0)
      .lineWidth(1)
      .showPoints(VisibilityMode.Never)
      .legend(
        new VizLegendOptionsBuilder()
          .showLegend(true)
          .displayMode(LegendDisplayMode.List)
          .placement(LegendPlacement.Bottom),
      )
      .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
  )
}

function lastValue(): ReduceDataOptionsBuilder {
  return new ReduceDataOptionsBuilder().calcs(['lastNotNull'])
}
